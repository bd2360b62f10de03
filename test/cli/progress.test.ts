/** The bar of something that takes long: on a terminal only, not for what is done at once, and gone when it is over. */
import { expect, it } from 'vitest';
import { barOf, createProgress } from '../../cli/progress.ts';

const screenOf = (isTTY: boolean) => {
  const written: string[] = [];
  return { written, isTTY, write: (text: string) => void written.push(text) };
};

it('shows how far it is on a terminal, and leaves nothing behind', () => {
  const screen = screenOf(true);
  let nowMs = 0;
  const progress = createProgress('backup', screen, () => nowMs);
  progress.to(0, 100);
  expect(screen.written).toEqual([]);
  nowMs = 1000;
  progress.to(1024 * 1024, 4 * 1024 * 1024);
  // Too soon for another.
  progress.to(2 * 1024 * 1024, 4 * 1024 * 1024);
  expect(screen.written).toHaveLength(1);
  expect(screen.written[0]).toContain('backup: [########......................]  25 %  1.0 MiB of 4.0 MiB');
  progress.end();
  expect(screen.written.at(-1)).toBe('\r\u001b[K');
});

it('says nothing where there is no terminal, and no part where nobody knows the whole', () => {
  const screen = screenOf(false);
  let nowMs = 0;
  const progress = createProgress('backup', screen, () => nowMs);
  nowMs = 5000;
  progress.to(5, 10);
  progress.end();
  expect(screen.written).toEqual([]);
  expect(barOf('support', 3 * 1024 * 1024, undefined)).toBe('support: 3.0 MiB');
});
