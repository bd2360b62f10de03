/** The exchange log keeps a bounded amount of text, whoever tells it of exchanges. */
import { expect, test } from 'vitest';
import { createExchangeLog } from '../../transform-server/exchanges/log.ts';

test('hops of any size take a bounded amount of memory, the newest exchanges stay', () => {
  const log = createExchangeLog();
  // Wide and deep: each text is short enough to be kept by itself.
  const wide = (depth: number): unknown =>
    Array.from({ length: 64 }, () => (depth === 0 ? 'x'.repeat(2000) : { a: wide(depth - 1) }));
  const detail = { wide: wide(1), ['k'.repeat(1_000_000)]: 1 };
  let text = 0;
  for (let n = 0; n < 1500; n++) log.add({ exchange: `e-${n}`, shape: 'call', atMs: n, detail });
  for (let n = 0; n < 1500; n++) text += JSON.stringify(log.explain(`e-${n}`) ?? '').length;
  expect(text).toBeLessThan(100 * 1024 * 1024);
  expect(log.explain('e-1499')).toHaveLength(1);
  expect(log.explain('e-0')).toBeUndefined();
});

test('what is small is kept whole, and secrets are not', () => {
  const log = createExchangeLog(2);
  for (const exchange of ['a', 'b', 'c'])
    log.add({ exchange, shape: 'call', atMs: 1, detail: { method: 'M', args: { password: 'p', list: [1, 'two'] } } });
  expect(log.size).toBe(2);
  expect(log.explain('c')?.[0]?.detail).toEqual({ method: 'M', args: { password: '[secret]', list: [1, 'two'] } });
});
