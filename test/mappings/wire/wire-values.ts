/** Any value of the remote-call codecs, as dice for property tests: what the wire itself cannot hold is left out. */
import fc from 'fast-check';
import { WireTime, type WireValue } from '../../../mappings/wire/rpc-value.ts';

const XML_TEXT = fc
  .string({ unit: 'binary', maxLength: 12 })
  .map((text) => text.replace(/[^\t\n\r -\ud7ff\ue000-\ufffd]/g, ''));
const INT64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const DOUBLE = fc
  .double({ noDefaultInfinity: true, noNaN: true })
  .map((value) => Number(value.toPrecision(16)))
  .filter((value) => Number.isFinite(value) && !Object.is(value, -0));

/** xml: characters that XML has, and times; json: any text, and no times, for those are text there. */
export const anyWireValue = (wire: 'xml' | 'json'): fc.Arbitrary<WireValue> => {
  const text = wire === 'xml' ? XML_TEXT : fc.string({ unit: 'binary', maxLength: 12 });
  const leaves: fc.Arbitrary<WireValue>[] = [text, fc.boolean(), INT64, DOUBLE, fc.constant(null)];
  if (wire === 'xml') leaves.push(fc.date({ noInvalidDate: true }).map((at) => new WireTime(at.toISOString())));
  return fc.letrec<{ value: WireValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(...leaves),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(text, tie('value')), { maxLength: 5 }).map((members) => new Map(members)),
    ),
  })).value;
};
