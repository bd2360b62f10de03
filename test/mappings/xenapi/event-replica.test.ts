/** A client that only follows events has, after any history, the very records that a client reads who comes anew. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import type { Job } from '../../../mappings/generic/jobs.ts';
import { CLASSES_WITH_OBJECTS } from '../../../mappings/xenapi/commands.ts';
import { refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { forget, ownObject, putOwnObject, removeOwnObject, writeOwn } from '../../../mappings/xenapi/own-data.ts';
import { vbdId, vifId } from '../../../mappings/xenapi/seats.ts';
import { classOf, recordFields } from '../../../mappings/xenapi/types.ts';
import { front, HOST, member, rig } from './broker-fake.ts';

type Rig = ReturnType<typeof rig>;

const ref = (cls: string, owner: HubId, part = 0): string => refOf(xenId(cls, owner, part), front);
const host = ref('host', HOST);
const vmId = (n: number): HubId => hubId('vm', 10 + n);
const volumeId = (n: number): HubId => hubId('volume', 50 + n);
const networkId = (n: number): HubId => hubId('network', 80 + n);
const storageId = (n: number): HubId => hubId('storage', 90 + n);
const snapshotId = (n: number): HubId => hubId('snapshot', 110 + n);

const machine = (n: number, look: number): string => {
  const owner = vmId(n);
  const vm = ref('VM', owner);
  const isOn = look % 2 === 1;
  const drives = [0, 1].filter((place) => (look >> (1 + place)) & 1);
  const hasCard = ((look >> 3) & 1) === 1;
  const hasSnapshot = ((look >> 4) & 1) === 1;
  const mac = `52:54:00:00:00:${String(10 + n)}`;
  return (
    member(
      'VM',
      vm,
      `<uuid>v${n}</uuid><name_label>machine ${look % 3}</name_label><power_state>${isOn ? 'Running' : 'Halted'}</power_state>` +
        `<resident_on>${isOn ? host : ''}</resident_on>`,
    ) +
    drives
      .map((place) =>
        member(
          'VBD',
          refOf(vbdId(owner, place), front),
          `<uuid>b${n}-${place}</uuid><VM>${vm}</VM><VDI>${ref('VDI', volumeId((n + place) % 3))}</VDI><currently_attached>${isOn}</currently_attached>`,
        ),
      )
      .join('') +
    (hasCard
      ? member(
          'VIF',
          refOf(vifId(owner, mac), front),
          `<uuid>i${n}</uuid><VM>${vm}</VM><network>${ref('network', networkId(n % 2))}</network>`,
        )
      : '') +
    (hasSnapshot
      ? member(
          'VM',
          ref('VM', snapshotId(n)),
          `<uuid>s${n}</uuid><is_a_snapshot>true</is_a_snapshot><snapshot_of>${vm}</snapshot_of>`,
        )
      : '') +
    // A disk outside every storage.
    (((look >> 5) & 1) === 1
      ? member(
          'VDI',
          ref('VDI', hubId('disk', 130 + n)),
          `<uuid>l${n}</uuid><SR>${ref('SR', HOST)}</SR><virtual_size>7</virtual_size>`,
        )
      : '')
  );
};

const job = (n: number, state: Job['state'], target: HubId): Job => ({
  id: hubId('job', 200 + n),
  verb: 'vm.start',
  host: HOST,
  target,
  targetName: '',
  user: 'root',
  front: n % 2 === 0 ? front.name : 'another',
  method: n % 2 === 0 ? 'Async.VM.start' : 'PowerOnVM_Task',
  nativeTarget: n % 2 === 0 ? { type: 'VM', id: ref('VM', target) } : { type: 'VirtualMachine', id: '1' },
  operation: '',
  exchange: '',
  state,
  cancelled: false,
  cancelable: false,
  queuedMs: 1_795_243_041_000,
  ...(state === 'success' ? { finishedMs: 1_795_243_042_000 } : {}),
  version: 0,
});

const furnish = (at: Rig): void => {
  at.put(
    HOST,
    member('pool', ref('pool', HOST), `<uuid>p</uuid><master>${host}</master>`) +
      member('host', host, '<uuid>h</uuid>') +
      member('SR', ref('SR', HOST), '<uuid>o</uuid><content_type>user</content_type>') +
      member('PBD', ref('PBD', HOST), `<uuid>q</uuid><host>${host}</host><SR>${ref('SR', HOST)}</SR>`),
  );
};

const pendingOf = (which: number): string => refOf(vbdId(vmId(which), 9), front);

/** What can happen, the first three most often. */
const ACTS: readonly ((at: Rig, which: number, look: number) => void)[] = [
  (at, which, look) => at.put(vmId(which), machine(which, look)),
  (at, which, look) => at.put(vmId(which), machine(which, look)),
  (at, which, look) => at.put(vmId(which), machine(which, look)),
  (at, which) => at.remove(vmId(which)),
  (at, which, look) =>
    at.put(
      volumeId(which),
      member(
        'VDI',
        ref('VDI', volumeId(which)),
        `<uuid>d${which}</uuid><SR>${ref('SR', storageId(look % 2))}</SR><virtual_size>${look}</virtual_size><location>x.${look % 3 === 0 ? 'iso' : 'img'}</location>`,
      ),
    ),
  (at, which) => at.remove(volumeId(which)),
  (at, which, look) =>
    at.put(
      storageId(which % 2),
      member(
        'SR',
        ref('SR', storageId(which % 2)),
        `<uuid>r${which % 2}</uuid><name_label>${look % 2}</name_label><content_type>user</content_type>`,
      ),
    ),
  (at, which) =>
    at.put(networkId(which % 2), member('network', ref('network', networkId(which % 2)), `<uuid>n${which % 2}</uuid>`)),
  (at, _which, look) => writeOwn(at.context, ref('pool', HOST), 'other_config', { look: String(look) }),
  (at, which, look) =>
    writeOwn(at.context, ref('VDI', volumeId(which)), 'tags', look % 3 === 0 ? undefined : [String(look)]),
  (at, which, look) =>
    void putOwnObject(at.context, pendingOf(which), {
      uuid: 'own',
      VM: ref('VM', vmId(which)),
      VDI: ref('VDI', volumeId(look % 3)),
      userdevice: '9',
    }),
  (at, which) => void (ownObject(at.context, pendingOf(which)) && removeOwnObject(at.context, pendingOf(which))),
  (at, which, look) => at.job(job(which, 'running', vmId(look % 3))),
  (at, which, look) => at.job(job(which, 'success', vmId(look % 3))),
  (at, which) => forget(at.context, ref('task', hubId('job', 200 + which))),
  (at, _which, look) => at.elapse(look * 600_000),
];

type Records = Map<string, unknown>;
type Events = {
  readonly token: string;
  readonly valid_ref_counts: Readonly<Record<string, number>>;
  readonly events: readonly { operation: string; class: string; ref: string; snapshot?: unknown }[];
};

/** As clients do: whatever the event says of an object replaces what was known of it. */
const follow = (records: Records, { events }: Events): void => {
  for (const { operation, ref: one, snapshot } of events) {
    if (operation === 'del') records.delete(one);
    else records.set(one, snapshot);
  }
};

const readAll = async (at: Rig): Promise<Records> => {
  const records: Records = new Map();
  for (const cls of CLASSES_WITH_OBJECTS)
    for (const [one, record] of Object.entries((await at.ask(`${cls}.get_all_records`, {})) as object))
      records.set(one, record);
  return records;
};

/** Sets have no order. */
const unordered = (record: unknown): unknown =>
  Object.fromEntries(
    Object.entries(record as object).map(([name, value]) => [name, Array.isArray(value) ? [...value].sort() : value]),
  );

/** References that name nothing. */
const dangling = async (at: Rig): Promise<string[]> => {
  const found: string[] = [];
  const all = await readAll(at);
  for (const cls of CLASSES_WITH_OBJECTS)
    for (const one of (await at.ask(`${cls}.get_all`, {})) as string[])
      for (const { name, type } of recordFields(cls)) {
        if (type.kind !== 'set' || type.of.kind !== 'ref') continue;
        for (const other of ((all.get(one) as Record<string, unknown>)[name] ?? []) as string[])
          if (!all.has(other)) found.push(`${cls}.${name}`);
      }
  return found;
};

const acts = fc.array(
  fc.record({
    what: fc.integer({ min: 0, max: ACTS.length - 1 }),
    which: fc.integer({ min: 0, max: 2 }),
    look: fc.integer({ min: 0, max: 63 }),
  }),
  { minLength: 1, maxLength: 40 },
);

const kindsOf = ({ events }: Events): string[] => events.map((one) => `${one.operation} ${one.ref}`).sort();

describe('a replica by events', () => {
  test('lives through programs that take the place of others, and hears nothing that another would not have', async () => {
    await fc.assert(
      fc.asyncProperty(
        acts,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        async (history, every, life) => {
          const at = rig();
          furnish(at);
          const replica: Records = new Map();
          const ask = async (token: string): Promise<Events> =>
            (await at.ask('event.from', { classes: ['*'], token, timeout: 0 })) as Events;
          const first = await ask('');
          let last = first;
          follow(replica, last);
          for (const [n, one] of history.entries()) {
            ACTS[one.what]?.(at, one.which, one.look);
            if (n % life === 0) {
              const isKnown = one.look % 2 === 0;
              const before = isKnown ? [await ask(last.token), await ask(first.token)] : [];
              at.replace();
              const after = isKnown ? [await ask(last.token), await ask(first.token)] : [];
              expect(after.map(kindsOf)).toEqual(before.map(kindsOf));
            }
            if (n % every !== 0) continue;
            last = await ask(last.token);
            follow(replica, last);
          }
          at.replace();
          last = await ask(last.token);
          follow(replica, last);
          const all = await readAll(at);
          expect([...replica.keys()].sort()).toEqual([...all.keys()].sort());
          for (const [one, record] of all) expect(unordered(replica.get(one))).toEqual(unordered(record));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is what there is, however often it looks', async () => {
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 7 }), async (history, every) => {
        const at = rig();
        furnish(at);
        const replica: Records = new Map();
        const ask = async (token: string): Promise<Events> =>
          (await at.ask('event.from', { classes: ['*'], token, timeout: 0 })) as Events;
        let last = await ask('');
        follow(replica, last);
        for (const [n, one] of history.entries()) {
          ACTS[one.what]?.(at, one.which, one.look);
          if (n % every !== 0) continue;
          last = await ask(last.token);
          follow(replica, last);
        }
        last = await ask(last.token);
        follow(replica, last);
        at.startAnew();
        const all = await readAll(at);
        expect([...replica.keys()].sort()).toEqual([...all.keys()].sort());
        for (const [one, record] of all) expect(unordered(replica.get(one))).toEqual(unordered(record));
        expect(await dangling(at)).toEqual([]);
        for (const cls of CLASSES_WITH_OBJECTS) {
          if (classOf(cls)?.hasEvents !== true) continue;
          expect(last.valid_ref_counts[cls.toLowerCase()]).toBe(
            ((await at.ask(`${cls}.get_all`, {})) as string[]).length,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
