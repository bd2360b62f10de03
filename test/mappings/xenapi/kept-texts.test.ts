/** Texts that the broker keeps take the memory of their characters: not that of the pieces and of the longer texts they were cut from. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { jsonOfRecord } from '../../../mappings/xenapi/broker/transcode.ts';
import { rulesOf, TAIL } from '../../../mappings/xenapi/render/bundle.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapNow = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

/** A record as a client sees it, all its texts its own. */
const record = (n: number): string =>
  rulesOf('VM')
    .map(({ head, type, unset }) => head + (type.kind === 'string' ? `text of machine number ${n}` : unset) + TAIL)
    .join('');

test('a record in JSON', () => {
  const before = heapNow();
  const kept = Array.from({ length: 1000 }, (_, n) => jsonOfRecord('VM', record(n)));
  const bytes = heapNow() - before;
  expect(bytes).toBeLessThan(1.5 * kept.reduce((sum, text) => sum + text.length, 0));
});
