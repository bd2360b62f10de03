/** Calls as the programs send them over the link in, bytes that neither of them would send out. */
import { readFileSync } from 'node:fs';
import { Packr } from 'msgpackr';
import { decodeRequest } from '../../mappings/vim25/front.ts';
import { envelope } from '../peers/raw-soap.ts';
import type { Dice } from './dice.ts';

export type Message = { t: 'q' | 's'; i: string; m?: string; a?: unknown[]; r?: unknown };

const packr = new Packr({ useRecords: false, moreTypes: false });
export const pack = (message: unknown): Buffer => packr.pack(message);
export const unpack = (bytes: Buffer): unknown => packr.unpack(bytes);

/** What the greeting's answer told, once there is one. */
export interface Known {
  readonly host: string;
  readonly epoch: number;
  readonly session: string;
  readonly exchange: () => string;
  readonly job: () => string;
}

const DOMAIN = readFileSync(
  new URL('../../fixtures/libvirt/documents/domain-many-unknown.native.xml', import.meta.url),
  'utf8',
);
const decoded = (body: string) => {
  const request = decodeRequest(Buffer.from(envelope(body)));
  if (!request.ok) throw new Error(request.fault.text);
  return request.call;
};
const CALLS = [
  '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>',
  '<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">ha-property-collector</_this><specSet><propSet><type>Folder</type><pathSet>childEntity</pathSet></propSet><objectSet><obj type="Folder">ha-folder-vm</obj></objectSet></specSet><options/></RetrievePropertiesEx>',
  '<CreateFilter xmlns="urn:vim25"><_this type="PropertyCollector">ha-property-collector</_this><spec><propSet><type>HostSystem</type><all>true</all></propSet><objectSet><obj type="HostSystem">ha-host</obj></objectSet></spec><partialUpdates>false</partialUpdates></CreateFilter>',
  '<WaitForUpdatesEx xmlns="urn:vim25"><_this type="PropertyCollector">ha-property-collector</_this><version></version><options><maxWaitSeconds>1</maxWaitSeconds></options></WaitForUpdatesEx>',
  '<CreateVM_Task xmlns="urn:vim25"><_this type="Folder">ha-folder-vm</_this><config><name>x</name><files><vmPathName>[default]</vmPathName></files></config><pool type="ResourcePool">ha-root-pool</pool></CreateVM_Task>',
].map(decoded);

export const FRONT = 'vim25@fuzzed';
export const greeting = () => ({
  ...{ version: 2, oldest: 1, agent: 'fuzzed' },
  hosts: [{ name: 'fuzzed', platform: 'libvirt', uri: 'test:///default' }],
  fronts: [{ name: FRONT, platform: 'vim25', host: 'fuzzed', port: 1, certificate: '', options: {} }],
});
const vm = (native: string) => ({
  ...{ kind: 'vm', native, parts: { domain: DOMAIN }, facts: { state: 5, autostart: false } },
});

/** By function: arguments that are right. */
const SERVER: Readonly<Record<string, (known: Known, dice: Dice) => unknown[]>> = {
  hello: () => [greeting()],
  login: () => [
    { front: FRONT, user: 'u', fullName: 'U', role: 'administrator', address: '::1', userAgent: 'x', locale: '' },
  ],
  session: ({ session }) => [session],
  logout: () => ['nobody'],
  touch: ({ session }) => [{ [session]: { lastActiveMs: Date.now(), calls: 3 } }],
  loginFailed: () => [{ front: FRONT, user: 'u', address: '::1' }],
  call: ({ session, exchange }, dice) => [
    { exchange: exchange(), front: FRONT, session, address: '::1', call: dice.pick(CALLS) },
  ],
  hangUp: () => ['x'],
  stream: ({ session, exchange }) => [
    {
      exchange: exchange(),
      front: FRONT,
      session,
      address: '::1',
      request: { method: 'GET', path: '/folder/x', query: {}, headers: {} },
    },
  ],
  transferred: ({ session, exchange }) => [
    {
      exchange: exchange(),
      front: FRONT,
      session,
      address: '::1',
      request: { method: 'PUT', path: '/x', query: {}, headers: {} },
    },
    { ok: true, value: undefined },
  ],
  list: ({ host, epoch }, dice) => [host, epoch, [vm(`u${dice.below(30)}`)], dice.chance(0.3)],
  changes: ({ host, epoch }, dice) => [
    ...[host, epoch],
    dice.pick([
      [{ change: 'put', object: vm(`u${dice.below(30)}`), hint: 'started' }],
      [{ change: 'gone', ref: { kind: 'vm', native: `u${dice.below(30)}` } }],
      [{ change: 'volatile', ref: { kind: 'vm', native: 'u1' }, slots: { cpuMhz: 3 } }],
    ]),
  ],
  hostState: ({ host, epoch }, dice) => [host, epoch, { connected: dice.chance(0.8), text: 'x' }],
  outbox: ({ host, job }, dice) => [
    'fuzzed',
    [
      {
        ...{ seq: dice.below(1e6), exchange: 'o', job: job(), verb: 'vm.start', host, target: 'vm-1', targetName: 'n' },
        ...{ user: 'u', address: '::1', front: FRONT, method: 'PowerOnVM_Task', operation: '', atMs: Date.now() },
        ...{ nativeTarget: { type: 'VirtualMachine', id: '1' }, phase: dice.pick(['started', 'finished']) },
      },
    ],
  ],
  jobIds: () => [],
  lease: ({ host }) => [host, 'vm-1'],
  hops: ({ exchange }) => [[{ exchange: exchange(), shape: 'call', atMs: Date.now(), detail: { method: 'x' } }]],
  counted: () => [{ decoded: 1, dispatched: 1, direct: 1 }],
};
const AGENT: Readonly<Record<string, (known: Known, dice: Dice) => unknown[]>> = {
  chunk: () => ['x', new Uint8Array(10)],
  acquire: ({ host, epoch, job }, dice) => [host, epoch, `q${dice.below(20)}`, job()],
  release: ({ host, job }, dice) => [host, `q${dice.below(20)}`, job()],
  step: ({ host, epoch, job }) => [host, epoch, `${job()}/0/1`, { procedure: 'vm.start', args: { vm: 'x' } }],
  probe: ({ host, epoch }) => [host, epoch, { probe: 'vm.state', args: { vm: 'x' } }],
  read: ({ host }) => [host, [{ kind: 'vm', native: 'x' }]],
  ask: ({ host }) => [host, 'stats', {}],
  grantLeases: ({ host, epoch }) => [[{ vm: 'vm-1', host, native: 'x', name: 'x', template: false, epoch }]],
  revokeLeases: () => [['vm-1']],
  revokeSessions: () => [['s']],
  parkCalls: () => [['x']],
};
export const FUNCTIONS = { server: SERVER, agent: AGENT };

const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'then', '$call', '', 'hasOwnProperty', 'nothing'];
const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let at = 0; at < depth; at++) value = at % 2 === 0 ? [value] : { a: value };
  return value;
};
const oddValue = (dice: Dice): unknown =>
  dice.pick<() => unknown>([
    () => null,
    () => undefined,
    () => -1,
    () => 1e308,
    () => Number.NaN,
    () => 2 ** 60,
    () => 2n ** 63n,
    () => '',
    () => 'x'.repeat(dice.pick([100, 70_000, 1_000_000])),
    () => '\u0000\ud800<a b="',
    () => true,
    () => [],
    () => ({}),
    () => new Uint8Array(dice.below(2000)),
    () => Array.from({ length: dice.pick([1, 1000, 50_000]) }, () => 0),
    () => nested(dice.pick([3, 200, 400])),
    () => Object.fromEntries(ODD_NAMES.map((name) => [name, name])),
    () => ({ ok: true }),
    () => ({ ok: false, fault: 1 }),
    () => ({ kind: 'fault', fault: null }),
    () => new Date(Number.NaN),
  ])();

/** One place somewhere in the value is another than before. */
const bend = (value: unknown, dice: Dice): unknown => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || dice.chance(0.15))
    return oddValue(dice);
  const keys = Object.keys(value);
  if (keys.length === 0) return oddValue(dice);
  const key = dice.pick(keys);
  if (Array.isArray(value)) return value.map((one, at) => (String(at) === key ? bend(one, dice) : one));
  const rest = { ...value } as Record<string, unknown>;
  const old = rest[key];
  if (dice.chance(0.15)) delete rest[key];
  else if (dice.chance(0.1))
    Object.defineProperty(rest, dice.pick(ODD_NAMES), { value: oddValue(dice), enumerable: true });
  else rest[key] = bend(old, dice);
  return rest;
};

/** MessagePack that promises more than it brings, or goes deeper than anybody may follow. */
const HOSTILE: readonly ((dice: Dice) => Buffer)[] = [
  () => Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
  () => Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61]),
  () => Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]),
  () => Buffer.from([0xc6, 0x7f, 0xff, 0xff, 0xff]),
  (dice) => Buffer.alloc(dice.pick([1000, 100_000, 1_000_000]), 0x91),
  (dice) => Buffer.alloc(dice.pick([1000, 100_000]), 0x81),
  (dice) =>
    Buffer.concat([Buffer.from([0xdd, 0x00, 0x0f, 0x42, 0x40]), Buffer.alloc(dice.pick([10, 1_000_000]), 0xc0)]),
  () => Buffer.from([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x74]),
  (dice) => Buffer.from(Array.from({ length: dice.below(300) }, () => dice.below(256))),
  () => Buffer.alloc(0),
];

export type Kind = 'right' | 'bent' | 'wrong function' | 'bytes' | 'hostile' | 'reply';

/** What to send next, and of which kind it is. */
export const nextMessage = (
  side: keyof typeof FUNCTIONS,
  known: Known,
  dice: Dice,
): { readonly kind: Kind; readonly name: string; readonly bytes: Buffer } => {
  const functions = FUNCTIONS[side];
  const name = dice.pick(Object.keys(functions));
  const args = functions[name]?.(known, dice) ?? [];
  // An agent that was hung up on, or had to, takes its time before it comes again.
  const breaking = side === 'server' ? 1 : 0.05;
  const kind = dice.weighted<Kind>([
    [30, 'right'],
    [40, 'bent'],
    [4, 'wrong function'],
    [16 * breaking, 'bytes'],
    [5 * breaking, 'hostile'],
    [5, 'reply'],
  ]);
  const message: Message = { t: 'q', i: String(dice.below(1e9)), m: name, a: args };
  const packed = (): Buffer => {
    switch (kind) {
      case 'right':
        return pack(message);
      case 'bent':
        return pack(dice.chance(0.1 * breaking) ? bend(message, dice) : { ...message, a: bend(args, dice) });
      case 'wrong function':
        return pack({ ...message, m: dice.pick(ODD_NAMES) });
      case 'reply':
        return pack({ t: 's', i: message.i, r: oddValue(dice) });
      case 'hostile':
        return dice.pick(HOSTILE)(dice);
      case 'bytes': {
        const bytes = Buffer.from(pack(message));
        const at = dice.below(bytes.length);
        if (dice.chance(0.3)) return bytes.subarray(0, at);
        if (dice.chance(0.2)) return Buffer.concat([bytes, bytes]);
        for (let count = 1 + dice.below(6); count > 0; count--) bytes[dice.below(bytes.length)] = dice.below(256);
        return bytes;
      }
      default:
        return kind satisfies never;
    }
  };
  return { kind, name, bytes: packed() };
};

/** An answer to a call of the other side: right, or anything. */
export const nextAnswer = (id: string, right: unknown, dice: Dice): Buffer =>
  pack({ t: 's', i: id, r: dice.chance(0.5) ? right : dice.chance(0.5) ? bend(right, dice) : oddValue(dice) });
