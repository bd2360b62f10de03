/** A request's tree in, the bytes of a bent one out: wrong values, wrong structure, wrong bytes. */
import { enumValues, memberMap, typeNames, typeOf } from '../../mappings/vim25/types.ts';
import { bendBytes } from './bend-bytes.ts';
import type { Dice } from './dice.ts';
import type { Estate } from './estate.ts';
import { formatTree, isLeaf, type Node, nodesOf, textOf } from './tree.ts';

export type MutationKind = 'value' | 'structure' | 'bytes' | 'bomb';
export interface Mutated {
  readonly body: Buffer;
  readonly kind: MutationKind;
}

const NUMBERS =
  '0 -1 1 2 3 7 64 1024 32767 65536 2147483647 -2147483648 2147483648 9223372036854775807 9223372036854775808 1e308 1e999 NaN INF -0 007 1.5 0x10 99999999999999999999999'.split(
    ' ',
  );
const TEXTS = [
  '',
  ' ',
  '../../../etc/passwd',
  "'; DROP TABLE vm; --",
  '<x/>&amp;]]>',
  '"quotes"',
  '%2e%2e%2f',
  '[default-pool] ../../x.vmdk',
  '[default-pool] a/b/c/d/e.vmdk',
  '[]',
  '[',
  '[nowhere] x.vmdk',
  'a'.repeat(300),
  'b'.repeat(20_000),
  'Zoë 東京 🙂 \u202e',
  '\ud83d\ude00'.repeat(40),
  'true',
  'false',
  'TRUE',
  'null',
  '__proto__',
  'constructor',
  'toString',
  '2024-01-01T00:00:00Z',
  '0000-00-00T00:00:00',
  '{x}',
  '{0}',
  '%s%n',
  'config.hardware.device[4000].backing.fileName',
  'config[',
  '..',
  'a.b.c.d.e.f.g.h',
  'runtime.powerState',
];
const TYPES = typeNames().filter((name) => typeOf(name)?.kind === 'data');
const DEVICES = TYPES.filter((name) => /^Virtual(?!Machine)/.test(name));

const leaves = (root: Node) => nodesOf(root).filter(({ node }) => isLeaf(node));

/** A wrong or merely other value: most of these still decode. */
const bendValue = (root: Node, dice: Dice, estate: Estate): void => {
  const places = leaves(root);
  if (places.length === 0) return;
  const { node } = dice.pick(places);
  const text = textOf(node);
  const type = node.attributes.find(([name]) => name === 'type')?.[1];
  const others = type === undefined ? [] : estate.ids(type);
  const way = dice.weighted([
    [others.length > 0 ? 12 : 0, 'another object'],
    [type === undefined && /^-?\d+$/.test(text) ? 4 : 1, 'number'],
    [/^(true|false)$/.test(text) ? 8 : 0, 'truth'],
    [/^\w+$/.test(text) ? 1 : 0, 'enumeration'],
    [node.name === '_this' ? 0.5 : 3, 'text'],
    [type === undefined && /^-?\d{1,12}$/.test(text) ? 4 : 0, 'near number'],
    [node.name === '_this' ? 0.2 : 2, 'letters'],
  ] as const);
  switch (way) {
    case 'another object':
      node.children = [dice.pick(others)];
      return;
    case 'number':
      node.children = [dice.pick(NUMBERS)];
      return;
    case 'truth':
      node.children = [text === 'true' ? 'false' : 'true'];
      return;
    case 'near number':
      node.children = [String(Number(text) + dice.pick([-2, -1, 1, 2, 100]))];
      return;
    case 'enumeration': {
      const values = enumValues(
        dice.pick([
          'VirtualMachinePowerState',
          'VirtualDiskMode',
          'VirtualDeviceConfigSpecOperation',
          'VirtualSCSISharing',
          'SharesLevel',
        ]),
      );
      node.children = [dice.pick([...(values ?? [])])];
      return;
    }
    case 'text':
      node.children = [dice.pick(TEXTS)];
      return;
    case 'letters': {
      const at = dice.below(text.length + 1);
      node.children = [
        text.slice(0, at) +
          String.fromCodePoint(dice.pick([33, 48, 65, 97, 233, 0x4e2d, 0x1f600])) +
          text.slice(at + dice.below(2)),
      ];
      return;
    }
    default:
      way satisfies never;
  }
};

const bendStructure = (root: Node, dice: Dice): void => {
  const places = nodesOf(root).filter(({ node }) => !/Envelope|Header|Body/.test(node.name));
  // One bend may make thousands of elements; the next must not multiply them.
  if (places.length === 0 || places.length > 1000) return;
  const { node, parent } = dice.pick(places);
  const at = parent.children.indexOf(node);
  switch (
    dice.pick([
      'double',
      'remove',
      'swap',
      'retype',
      'rename',
      'deepen',
      'member',
      'many',
      'attribute',
      'mixed',
    ] as const)
  ) {
    case 'double':
      parent.children.splice(at, 0, structuredClone(node));
      return;
    case 'remove':
      parent.children.splice(at, 1);
      return;
    case 'swap':
      parent.children.reverse();
      return;
    case 'retype': {
      const typed = places.filter((place) => place.node.attributes.some(([name]) => name.endsWith(':type')));
      const target = typed.length > 0 ? dice.pick(typed).node : node;
      const name = dice.chance(0.5)
        ? dice.pick(DEVICES)
        : dice.pick([...TYPES, 'NoSuchType', 'xsd:string', 'xsd:int', 'ArrayOfString', 'q:x', '']);
      const old = target.attributes.find(([key]) => key.endsWith(':type'));
      if (old) old[1] = name;
      else target.attributes.push(['xmlns:i', 'http://www.w3.org/2001/XMLSchema-instance'], ['i:type', name]);
      return;
    }
    case 'rename':
      node.name = dice.pick([
        node.name.toUpperCase(),
        `${node.name}x`,
        'returnval',
        '_this',
        'spec',
        'name',
        'key',
        'device',
      ]);
      return;
    case 'deepen': {
      let deep: Node = structuredClone(node);
      for (let depth = dice.pick([1, 3, 30, 63, 64, 65, 400, 1500]); depth > 0; depth--) {
        deep = { name: node.name, attributes: [], children: [deep] };
      }
      parent.children[at] = deep;
      return;
    }
    case 'member': {
      // A member that the API knows, of some type or other.
      const members = [
        ...memberMap(
          dice.pick([
            'VirtualMachineConfigSpec',
            'VirtualDisk',
            'VirtualE1000',
            'PropertyFilterSpec',
            'WaitOptions',
            'VirtualMachineConfigInfo',
          ]),
        ).keys(),
      ];
      node.children.push({ name: dice.pick(members), attributes: [], children: [dice.pick([...TEXTS, ...NUMBERS])] });
      return;
    }
    case 'many':
      for (let count = dice.pick([2, 20, 300]); count > 0; count--) parent.children.push(structuredClone(node));
      return;
    case 'attribute':
      node.attributes.push([
        dice.pick(['type', 'xsi:nil', 'xmlns', 'xml:space', 'id', 'href']),
        dice.pick(['true', 'VirtualMachine', 'urn:vim25', 'urn:other', '#1']),
      ]);
      return;
    case 'mixed':
      node.children.splice(dice.below(node.children.length + 1), 0, dice.pick(TEXTS));
      return;
  }
};

const BOMBS: readonly ((text: string, dice: Dice) => string)[] = [
  (text) =>
    `<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa">${[...'bcdefghi'].map((name, at) => `<!ENTITY ${name} "${`&${'abcdefgh'[at]};`.repeat(10)}">`).join('')}]>${text.replace(/>([^<]+)<\//, '>&i;</')}`,
  (text) => `<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>${text.replace(/>([^<]+)<\//, '>&x;</')}`,
  (text) => `<!DOCTYPE e SYSTEM "http://127.0.0.1:1/e.dtd">${text}`,
  (text) => text.replace(/>([^<]+)<\//, '>&undeclared;</'),
  (text) => text.replace(/>([^<]+)<\//, '>&#0;&#xFFFFFFFF;</'),
  (text, dice) => text.replace(/>([^<]+)<\//, `><![CDATA[${']]'.repeat(dice.below(500))}]]></`),
  (text) => text.replace('>', `${Array.from({ length: 3000 }, (_, at) => ` a${at}="x"`).join('')}>`),
  (text) => text.replace(/<\/(\w+:)?Body>/, (end) => `${'<a/>'.repeat(60_000)}${end}`),
  (text) => text.replace(/<\/(\w+:)?Body>/, (end) => `<!--${'-x'.repeat(5000)}-->${end}`),
  (text) => `<?xml version="1.1" encoding="ISO-8859-7"?>${text}`,
  (text) => text.replace('>', ` xmlns:p="${'u'.repeat(60_000)}">`),
];

/** Never the request as it was: whatever is chosen, something in it is other than in the seed. */
export const mutate = (seed: Node, dice: Dice, estate: Estate): Mutated => {
  const before = formatTree(seed);
  const root = structuredClone(seed);
  const kind = dice.weighted<MutationKind>([
    [68, 'value'],
    [20, 'structure'],
    [10, 'bytes'],
    [2, 'bomb'],
  ]);
  if (kind === 'bomb') return { kind, body: Buffer.from(dice.pick(BOMBS)(before, dice)) };
  if (kind === 'bytes') return { kind, body: bendBytes(before, dice) };
  const bend = kind === 'value' ? bendValue : bendStructure;
  for (
    let count = dice.weighted([
      [6, 1],
      [3, 2],
      [1, 4],
    ]);
    count > 0;
    count--
  )
    bend(root, dice, estate);
  let text = formatTree(root);
  for (let tries = 0; text === before && tries < 8; tries++) {
    bend(root, dice, estate);
    text = formatTree(root);
  }
  // A request with one object only cannot be bent by its values.
  if (text === before) return { kind: 'bytes', body: bendBytes(before, dice) };
  return { kind, body: Buffer.from(text) };
};
