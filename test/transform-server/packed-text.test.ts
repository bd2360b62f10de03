/** Packed documents: whatever goes in comes out, what is alike is held once, and spans are those of the plain text. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HubId } from '../../mappings/generic/ids.ts';
import { createBatchReader, createBatchWriter } from '../../transform-server/engine/work.ts';
import { cutAttributes, cutContents } from '../../transform-server/store/cut-text.ts';
import { createTemplateIndexes, PackedMember } from '../../transform-server/store/packed-member.ts';
import { createPacker, plainText, textOf, valuesOf } from '../../transform-server/store/packed-text.ts';
import { createRendered } from '../../transform-server/store/rendered.ts';

const vm = (n: number): string =>
  `<name>vm ${n}</name><kind>a</kind>${n % 2 === 0 ? '<on>true</on>' : ''}<config xsi:type="C"><note>${n === 5 ? 'ä < &lt;'.replace('<', '') : n === 7 ? '漢字' : ''}</note><name>vm ${n}</name><mb>512</mb></config>`;

describe('packed texts', () => {
  test('give back what went in, and share what is alike', () => {
    const packer = createPacker();
    const packed = Array.from({ length: 200 }, (_, n) => packer.pack('vm', vm(n)));
    packed.forEach((one, n) => {
      expect(textOf(one)).toBe(vm(n));
    });
    const late = new Set(packed.slice(20).map(({ template }) => template));
    expect(late.size).toBe(2);
    // The second name is a reference to the first; everything else is in the template.
    const last = packed.at(-1);
    expect(last?.values.length).toBeLessThan('vm 199'.length + 8);
    expect(last && valuesOf(last)).toEqual(['vm 199', '', 'vm 199']);
  });

  test('hold any text at all', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom(
        '<a>',
        '</a>',
        '<',
        '>',
        '<b x=">"/>',
        `<c y='1' z="two">`,
        `<c y='2' z="t<o">`,
        `<c y='a"b' z="a'b">`,
        '<!-- > -->',
        '\u0001\u0080',
        'same',
        'same',
        '\u0001',
        '漢',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
          { maxLength: 30 },
        ),
        (texts) => {
          for (const packer of [createPacker(4), createPacker(4, cutAttributes)]) {
            const packed = texts.map((text) => packer.pack('k', text));
            expect(packed.map((one) => textOf(one))).toEqual(texts);
          }
        },
      ),
    );
  });

  test('share what is alike around attributes', () => {
    const packer = createPacker(500, cutAttributes);
    const domain = (n: number): string =>
      `<domain id='${n}'><name>vm ${n}</name><interface type='network'><mac address='52:54:00:00:00:${n % 90}'/></interface><disk file="/images/${n}.img"/></domain>`;
    const packed = Array.from({ length: 100 }, (_, n) => packer.pack('vm', domain(n)));
    packed.forEach((one, n) => {
      expect(textOf(one)).toBe(domain(n));
    });
    expect(new Set(packed.slice(10).map(({ template }) => template)).size).toBe(1);
    expect(packed[50] && valuesOf(packed[50])).toEqual(['50', 'vm 50', '52:54:00:00:00:50', '/images/50.img']);
  });

  test('survive more structures than are remembered', () => {
    const packer = createPacker(8);
    for (let n = 0; n < 300; n++) {
      const text = `<a>${'<b>x</b>'.repeat(n % 40)}<c>${n}</c></a>`;
      expect(textOf(packer.pack('k', text))).toBe(text);
    }
  });

  test('long texts are remembered up to a number of characters, not of texts', () => {
    const text = (structure: number, value: string): string =>
      `<a>${'<b>x</b>'.repeat(1000 + structure)}<c>${value}</c></a>`;
    const sharedAfterOthers = (most: number): boolean => {
      const packer = createPacker(500, cutContents, most);
      packer.pack('k', text(0, 'one'));
      const { template } = packer.pack('k', text(0, 'two'));
      for (let n = 1; n < 40; n++) packer.pack('k', text(n, 'x'));
      return packer.pack('k', text(0, 'three')).template === template;
    };
    expect(sharedAfterOthers(1_000_000)).toBe(true);
    expect(sharedAfterOthers(200_000)).toBe(false);
  });

  test('the sheet thread starts its numbers anew after so many characters', () => {
    const write = createBatchWriter(4000, 10_000);
    const read = createBatchReader();
    const anew: boolean[] = [];
    for (let n = 0; n < 5; n++) {
      const batch = write([{ ok: true, generic: plainText(`${n} `.repeat(2000)) }]);
      anew.push(batch.anew);
      const [done] = read(structuredClone(batch));
      expect(done?.ok && textOf(done.generic ?? '')).toBe(`${n} `.repeat(2000));
    }
    expect(anew).toEqual([false, false, false, true, false]);
  });

  test('more values than can be referred to stay correct', () => {
    const packer = createPacker();
    const text = (n: number): string =>
      Array.from({ length: 400 }, (_, at) => `<v>${n}-${at % 150}-value</v>`).join('');
    for (let n = 0; n < 5; n++) expect(textOf(packer.pack('k', text(n)))).toBe(text(n));
  });
});

describe('spans of a packed member', () => {
  const find = (text: string): { paths: string[]; spans: number[]; types: string[] } => {
    const paths: string[] = [];
    const spans: number[] = [];
    for (const found of text.matchAll(/<(name|note|mb|on)>([^<]*)<\/\1>/g)) {
      const inner = found.index + (found[1] ?? '').length + 2;
      paths.push(`${paths.length} ${found[1]}`);
      spans.push(found.index, found.index + found[0].length, inner, inner + (found[2] ?? '').length);
    }
    return { paths, spans, types: paths.map(() => '') };
  };

  test('are those of the plain text, through the link of the sheet thread too', () => {
    const packer = createPacker();
    const indexOf = createTemplateIndexes();
    const write = createBatchWriter(3);
    const read = createBatchReader();
    for (let n = 0; n < 60; n++) {
      const packed = packer.pack('vm', vm(n));
      const member = new PackedMember(
        'VM',
        String(n),
        packed,
        indexOf(packed, () => find(vm(n))),
      );
      const sent = structuredClone(write([{ ok: true, generic: plainText(`<g>${n}</g>`), members: [member] }]));
      const [done] = read(sent);
      if (!done?.ok) throw new Error('no answer');
      expect(textOf(done.generic ?? '')).toBe(`<g>${n}</g>`);
      const [arrived] = done.members ?? [];
      expect(arrived?.text).toBe(vm(n));
      expect(arrived && { paths: arrived.paths, spans: Array.from(arrived.spans), types: arrived.types }).toEqual(
        find(vm(n)),
      );
    }
  });

  test('say what lies between two places, before and after a change', () => {
    const packer = createPacker();
    const indexOf = createTemplateIndexes();
    const rendered = createRendered(0);
    const put = (n: number, text: string, source: number): void => {
      const packed = packer.pack('vm', text);
      const member = new PackedMember(
        'VM',
        String(n),
        packed,
        indexOf(packed, () => find(text)),
      );
      rendered.put(`vm-${n}` as HubId, source, [member]);
    };
    const check = (n: number, text: string, source: number): void => {
      const [member] = rendered.get(`vm-${n}` as HubId, source) ?? [];
      const { spans } = member?.index ?? { spans: [] };
      expect(member?.text).toBe(text);
      expect([...Array.from(spans)]).toEqual(find(text).spans);
      for (let from = 0; from < spans.length; from++)
        for (let to = 0; to < spans.length; to++)
          expect(member?.between(from, to)).toBe(text.slice(spans[from], spans[to]));
    };
    for (let n = 0; n < 40; n++) {
      put(n, vm(n), 1);
      check(n, vm(n), 1);
    }
    put(3, vm(3).replace('512', '1024'), 2);
    check(3, vm(3).replace('512', '1024'), 2);
    const [member] = rendered.get('vm-3' as HubId, 2) ?? [];
    const changed = member?.index.paths.filter((_, at) => member.index.changed[at] === 2);
    expect(changed).toEqual(member?.index.paths.filter((path) => path.endsWith('mb')));
    // The same text again is the same member.
    put(3, vm(3).replace('512', '1024'), 3);
    expect(rendered.get('vm-3' as HubId, 3)?.[0]).toBe(member);
  });

  test('a path inside a text is refused', () => {
    const packer = createPacker();
    packer.pack('k', '<a>one</a>');
    const packed = packer.pack('k', '<a>two</a>');
    const indexOf = createTemplateIndexes();
    expect(() => indexOf(packed, () => ({ paths: ['a'], spans: [0, 10, 4, 6], types: [''] }))).toThrow('inside a text');
  });
});
