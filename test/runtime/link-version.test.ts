/** Versions of the link: programs one version apart work together, those further apart are told so. */
import { describe, expect, test } from 'vitest';
import { agreeOn, announced, disagreement } from '../../runtime/link-version.ts';

const range = (oldest: number, newest: number) => ({ oldest, newest });

describe('two programs', () => {
  test('use the newest version that both speak, whichever of them is older', () => {
    expect(agreeOn(range(3, 4), range(3, 4))).toBe(4);
    expect(agreeOn(range(3, 4), range(2, 3))).toBe(3);
    expect(agreeOn(range(2, 3), range(3, 4))).toBe(3);
    expect(agreeOn(range(1, 9), range(4, 4))).toBe(4);
  });
  test('further apart have none, and the text says which of them is to be renewed', () => {
    expect(agreeOn(range(1, 2), range(3, 4))).toBeUndefined();
    expect(agreeOn(range(5, 6), range(3, 4))).toBeUndefined();
    expect(disagreement('kvm-1', range(1, 2), range(3, 4))).toBe(
      'agent kvm-1 speaks versions 1 to 2 of the link, this server versions 3 to 4: update the agent',
    );
    expect(disagreement('kvm-1', range(5, 5), range(3, 4))).toBe(
      'agent kvm-1 speaks version 5 of the link, this server versions 3 to 4: update the server',
    );
  });
  test('say it in their greeting; one that announces no range speaks one version', () => {
    expect(announced({ version: 4, oldest: 3 })).toEqual(range(3, 4));
    expect(announced({ version: 1 })).toEqual(range(1, 1));
    for (const odd of [{ version: 1.5 }, { version: Number.NaN }, { version: 2, oldest: 3 }, { version: -1 }])
      expect(() => announced(odd)).toThrow(/link versions/);
    expect(() => announced({ version: '1' as unknown as number })).toThrow(/link versions/);
  });
});
