/** Numbers from blocks that many share: none is given twice, whatever is written and whenever the server ends. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { createIds } from '../../../transform-server/ids/ids.ts';
import { openStorage } from '../../../transform-server/storage/storage.ts';
import { stateDirectory } from '../memory.ts';

let first: ReturnType<typeof stateDirectory>;
let second: ReturnType<typeof stateDirectory>;
beforeEach(() => {
  first = stateDirectory();
  second = stateDirectory();
});
afterEach(() => {
  first.remove();
  second.remove();
});

const shared = () => {
  let next = 1;
  let away = false;
  let asked = 0;
  return {
    reserve: async (size: number) => {
      asked += 1;
      if (away) throw new Error('the store is away');
      const from = next;
      next += size;
      return { from, to: next };
    },
    set: (is: boolean) => {
      away = is;
    },
    asked: () => asked,
  };
};

test('two cells never have the same one, over restarts', async () => {
  const { reserve, asked } = shared();
  const seen = new Set<number>();
  const take = (n: number): void => {
    expect(seen.has(n)).toBe(false);
    seen.add(n);
  };
  for (let life = 0; life < 4; life++) {
    for (const { directory } of [first, second]) {
      using storage = openStorage(directory);
      const ids = createIds(storage, () => 1000, reserve);
      await ids.enough();
      for (let n = 0; n < 500; n++) take(Number(ids.mint(undefined, 'host', `${life}-${n}`).split('-')[1]));
      const { from, to } = ids.jobBlock(64);
      for (let n = from; n < to; n++) take(n);
      // What is known keeps its own.
      expect(ids.mint(undefined, 'host', `${life}-3`)).toBe(ids.resolve(undefined, 'host', `${life}-3`));
      expect(ids.lookup(hubId('host', 1_000_000))).toBeUndefined();
    }
  }
  // A block lasts for several lives.
  expect(asked()).toBeLessThanOrEqual(4);
});

test('more are had ahead of need; without any an id is refused, never made up', async () => {
  const { reserve, set, asked } = shared();
  using storage = openStorage(first.directory);
  const ids = createIds(storage, () => 1000, reserve);
  expect(() => ids.mint(undefined, 'host', 'too early')).toThrow('no numbers for ids');
  await ids.enough();
  expect(asked()).toBe(1);
  for (let n = 0; n < 9000; n++) ids.mint(undefined, 'host', `${n}`);
  await ids.enough();
  expect(asked()).toBe(2);
  set(true);
  expect(() => {
    for (let n = 0; n < 40_000; n++) ids.mint(undefined, 'host', `more-${n}`);
  }).toThrow('no numbers for ids');
  await expect(ids.enough()).rejects.toThrow('the store is away');
  set(false);
  await ids.enough();
  expect(ids.mint(undefined, 'host', 'at last')).toMatch(/^host-\d+$/);
});
