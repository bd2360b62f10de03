/** References and uuids of XenAPI: reversible, distinct, checked. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hubId, KINDS } from '../../../mappings/generic/ids.ts';
import { NULL_REF, parseRef, parseUuid, REF_CLASSES, refOf, uuidOf, xenId } from '../../../mappings/xenapi/ids.ts';

const front = { uuid: '4b2ab0e1-7b0d-4d6e-8a51-6f2f6f0f3c11' };
const other = { uuid: '4b2ab0e1-7b0d-4d6e-8a51-6f2f6f0f3c12' };
const ids = fc
  .record({
    cls: fc.constantFrom(...REF_CLASSES),
    kind: fc.constantFrom(...KINDS),
    number: fc.integer({ min: 1, max: 2 ** 40 - 1 }),
    part: fc.integer({ min: 0, max: 2 ** 24 - 1 }),
  })
  .map(({ cls, kind, number, part }) => xenId(cls, hubId(kind, number), part));

describe('references', () => {
  it('come back as what they name', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseRef(refOf(id, front), front)).toEqual(id);
        expect(parseUuid(uuidOf(id, front))).toEqual(id);
      }),
    );
  });

  it('have the shape of a reference and of a uuid', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
        expect(uuidOf(id, front)).toMatch(shape);
        expect(refOf(id, front).slice('OpaqueRef:'.length)).toMatch(shape);
        expect(refOf(id, front)).not.toContain(uuidOf(id, front));
      }),
    );
  });

  it('are not taken for uuids, nor those of one front for those of another', () => {
    const id = xenId('VM', hubId('vm', 17));
    expect(parseUuid(refOf(id, front).slice('OpaqueRef:'.length))).toBeUndefined();
    expect(parseRef(`OpaqueRef:${uuidOf(id, front)}`)).toBeUndefined();
    expect(parseRef(refOf(id, other), front)).toBeUndefined();
    expect(parseRef(refOf(id, other))).toEqual(id);
  });

  it('with one digit changed name nothing', () => {
    const ref = refOf(xenId('VDI', hubId('volume', 4711), 3), front);
    for (let at = 'OpaqueRef:'.length; at < ref.length; at += 1) {
      if (ref[at] === '-') continue;
      const changed = ref.slice(0, at) + (ref[at] === '0' ? '1' : '0') + ref.slice(at + 1);
      expect(parseRef(changed), changed).toBeUndefined();
    }
  });

  it('that were never given out name nothing', () => {
    for (const text of ['', NULL_REF, 'OpaqueRef:', 'vm-17', 'OpaqueRef:00000000-0000-8000-8000-000000000000'])
      expect(parseRef(text)).toBeUndefined();
    expect(parseRef(refOf(xenId('VM', hubId('vm', 1)), front).toUpperCase())).toBeUndefined();
  });

  it('of near ids differ in most of their digits', () => {
    const digits = (n: number) => refOf(xenId('VM', hubId('vm', n)), front).replaceAll('-', '');
    const [left, right] = [digits(1), digits(2)];
    expect([...left].filter((digit, at) => digit !== right[at]).length).toBeGreaterThan(15);
  });

  it('refuse to be made for what they cannot hold', () => {
    expect(() => refOf(xenId('event', hubId('vm', 1)), front)).toThrow();
    expect(() => refOf(xenId('VM', hubId('vm', 2 ** 40)), front)).toThrow();
    expect(() => refOf(xenId('VM', hubId('vm', 1), 2 ** 24), front)).toThrow();
  });
});
