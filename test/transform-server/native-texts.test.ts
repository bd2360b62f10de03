/** Native objects are packed behind whoever waits and read back as they came. */
import { expect, test } from 'vitest';
import type { NativeObject } from '../../mappings/generic/native.ts';
import { createNativeTexts, type KeptNative, nativeOf } from '../../transform-server/store/native-texts.ts';

const vm = (n: number): NativeObject => ({
  kind: 'vm',
  native: `u-${n}`,
  parts: {
    domain: `<domain><name>vm ${n}</name><memory>512</memory></domain>`,
    ...(n % 2 === 0 ? { 'snapshot:a b': `<s><n>${n}</n></s>` } : {}),
  },
  facts: { state: n, autostart: false },
});

test('texts are shared in turns and whole when read', () => {
  const turns: (() => void)[] = [];
  const natives = createNativeTexts((act) => turns.push(act));
  const keepers = Array.from({ length: 100 }, (_, n) => {
    const keeper: { kept: KeptNative } = { kept: { whole: vm(n) } };
    natives.keep(keeper, vm(n));
    return keeper;
  });
  expect(keepers.every(({ kept }) => 'whole' in kept)).toBe(true);
  // Changed again before its turn: the newer one is packed.
  const changed = { ...vm(5), facts: { state: 99 } };
  natives.keep(keepers[5] as { kept: KeptNative }, changed);
  let count = 0;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn();
    count += 1;
  }
  expect(count).toBeGreaterThan(2);
  expect(keepers.some(({ kept }) => 'whole' in kept)).toBe(false);
  keepers.forEach(({ kept }, n) => {
    expect(nativeOf(kept)).toEqual(n === 5 ? changed : vm(n));
  });
  const templates = keepers.map(({ kept }) => ('texts' in kept ? kept.texts[0]?.template : undefined));
  expect(new Set(templates.slice(50)).size).toBe(1);
});

test('nothing is packed while it is held back, until too much waits', () => {
  const turns: (() => void)[] = [];
  const natives = createNativeTexts((act) => turns.push(act));
  natives.hold(true);
  const keeper = (n: number): { kept: KeptNative } => {
    const one = { kept: { whole: vm(n) } };
    natives.keep(one, vm(n));
    return one;
  };
  const first = keeper(0);
  expect(turns).toEqual([]);
  natives.hold(false);
  expect(turns.length).toBe(1);
  turns.shift()?.();
  expect('whole' in first.kept).toBe(false);
  natives.hold(true);
  for (let n = 0; n < 17_000; n++) keeper(n);
  expect(turns.length).toBe(1);
});
