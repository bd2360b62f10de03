/** Plans carried out on the simulated XenServer host step by step: what they leave, and that their undos leave what was before. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startXenHost, type XenHost } from '../../../../fixtures/xenapi-host/server.ts';
import type { DiskSpec, Params, Verb, VmChange } from '../../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../../mappings/generic/documents.ts';
import type { Host, Nic, Vm } from '../../../../mappings/generic/model.ts';
import type { NativeCall, NativeObject } from '../../../../mappings/generic/native.ts';
import type { Plan } from '../../../../mappings/generic/plan.ts';
import type { DriverSend, HttpTalk } from '../../../../mappings/generic/platform.ts';
import { openConversation } from '../../../../mappings/xenapi/host/conversation.ts';
import { driver } from '../../../../mappings/xenapi/host/driver.ts';
import { hostSide, toGenericSheets } from '../../../../mappings/xenapi/host/host-side.ts';
import { scan } from '../../../../mappings/xenapi/host/scan.ts';
import { chooseEngine, type XsltEngine } from '../../../../transform-server/engine/engine.ts';
import { type Estate, estateOf, type Named, planOf } from './rig.ts';

const PASSWORD = 'secret';
const GIB = 1024 ** 3;

let host: XenHost;
let send: DriverSend;
let engine: XsltEngine;
const sheets = new Map<string, Awaited<ReturnType<XsltEngine['compile']>>>();

const run = async <T>(talk: HttpTalk<T>, hasJson = true): Promise<T> => {
  let next = talk.next();
  while (next.done !== true) {
    const step = next.value;
    if (step.step === 'ask') {
      const { method, headers, path, body = null } = step.ask;
      // A path that takes no calls stands for a host without that wire.
      const got = await fetch(host.url + (hasJson ? path : path.replace(/^\/jsonrpc$/, '/export_raw_vdi')), {
        method,
        headers,
        body: body as string | null,
      });
      next = talk.next({ status: got.status, headers: {}, body: new Uint8Array(await got.arrayBuffer()) });
    } else {
      if (step.step === 'pause') await new Promise((resolve) => setTimeout(resolve, Math.min(step.ms, 10)));
      next = talk.next();
    }
  }
  return next.value;
};

beforeAll(async () => {
  host = await startXenHost({ user: 'root', password: PASSWORD, vms: 3, operationMs: 1, eventBatchMs: 1 });
  const conversation = openConversation({ kind: 'http', host: '127.0.0.1', port: host.port });
  const opened = await run(conversation.open({ user: 'root', password: PASSWORD }));
  if (!opened.ok) throw new Error(opened.fault.text);
  send = {
    call: (procedure, args) => run(conversation.call(procedure, args)),
    gather: () => Promise.reject(new Error('nothing is gathered')),
  };
  engine = await chooseEngine('libxslt');
  for (const [kind, sheet] of Object.entries(toGenericSheets))
    sheets.set(kind, await engine.compile(readFileSync(sheet, 'utf8')));
});
afterAll(async () => {
  engine.dispose();
  await host.close();
});

const natives = async (from: DriverSend = send): Promise<NativeObject[]> => {
  const found: NativeObject[] = [];
  for await (const batch of driver.inventory(from)) found.push(...batch);
  return found;
};
const documented = async (native: NativeObject): Promise<Named> => {
  const sheet = sheets.get(native.kind);
  if (!sheet) throw new Error(`no sheet for ${native.kind}`);
  const doc = parseDocument(native.kind, await engine.transform(sheet, hostSide.toGenericInput(native)));
  return { name: native.kind === 'host' ? 'host' : scan(native).name, native, doc };
};
const estate = async (): Promise<Estate> => estateOf(await Promise.all((await natives()).map(documented)));

/** What clients see of everything, without what a new object gets anew. */
const seen = async (): Promise<string[]> => {
  const named = await Promise.all((await natives()).map(documented));
  return named.map(({ native, doc }) => `${native.kind} ${JSON.stringify(doc)}`).toSorted();
};

const resolved = (value: unknown, results: Readonly<Record<string, unknown>>): unknown => {
  if (Array.isArray(value)) return value.map((one) => resolved(one, results));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, results)]));
};
const perform = async ({ procedure, args }: NativeCall): Promise<Record<string, unknown>> => {
  const outcome = await driver.step(send, { procedure, args: resolved(args, {}) as Record<string, unknown> });
  if (!outcome.ok) throw new Error(`${procedure}: ${outcome.fault.text}`);
  return outcome.value;
};
/** Each step, and that its probe sees it. */
const carryOut = async ({ steps }: Plan): Promise<void> => {
  for (const step of steps) {
    await perform(step.call);
    const answer = await driver.probe(send, step.probe);
    // A copy has no effect that could be told from a part of it.
    if (step.probe.probe !== 'idle') expect(answer, step.name).toEqual({ ok: true, value: 'done' });
  }
};
const takeBack = async ({ steps }: Plan): Promise<void> => {
  for (const step of steps.toReversed()) if (step.undo) await perform(step.undo);
};

const plan = async <V extends Verb>(verb: V, target: string, params: Params[V]): Promise<Plan> => {
  const from = await estate();
  return planOf(await from.plan(verb, from.id(target), params));
};
const vm = async (name: string): Promise<Vm> => (await estate()).vm(name);

const disk = async (unit: number, name: string): Promise<DiskSpec> => ({
  slot: { bus: 'scsi', controller: 0, unit },
  medium: { storageName: 'Local storage' },
  capacityBytes: GIB,
  thin: true,
  readOnly: false,
  shareable: false,
  persistent: true,
  create: { storage: (await estate()).id('Local storage'), volumeName: name, capacityBytes: GIB, thin: true },
});
const nic = (networkName: string): Nic => ({
  ordinal: 0,
  mac: '02:00:00:00:00:05',
  macGenerated: false,
  model: 'e1000',
  networkName,
  connected: true,
});
const NETWORK = 'Pool-wide network associated with eth0';

/** Of a VM that is off, and of one that runs. */
const changes = async (): Promise<[string, string, VmChange][]> => {
  const [first] = (await vm('vm-1')).nics;
  return [
    ['words', 'vm-1', { name: 'other', description: 'd', autostart: true, osId: 'debian12', instanceUuid: 'i' }],
    [
      'attributes',
      'vm-1',
      {
        attributes: [
          { owner: 'vim25', key: 'a.b', value: '1' },
          { owner: 'xenapi', key: 'tags.t', value: '1' },
          { owner: 'xenapi', key: 'xenstore_data.x', value: '\\' },
        ],
      },
    ],
    ['sizes', 'vm-1', { cpuCount: 4, memoryBytes: GIB, coresPerSocket: 2, firmware: 'efi', bootOrder: ['network'] }],
    ['disks', 'vm-1', { disks: { add: [await disk(3, 'undo%2fa.vmdk'), await disk(4, 'undo%2fb.vmdk')] } }],
    ['disks of a running VM', 'vm-0', { disks: { add: [await disk(3, 'undo%2fc.vmdk')] } }],
    [
      'a removed disk',
      'vm-1',
      { disks: { remove: [{ slot: { bus: 'scsi', controller: 0, unit: 0 }, deleteVolume: false }] } },
    ],
    [
      'cards',
      'vm-1',
      { nics: { add: [nic(NETWORK)], change: [{ mac: first?.mac ?? '', to: { connected: false, model: 'e1000' } }] } },
    ],
    ['a card of a running VM', 'vm-0', { nics: { add: [nic(NETWORK)] } }],
    ['an exchanged card', 'vm-1', { nics: { change: [{ mac: first?.mac ?? '', to: { mac: '02:00:00:00:00:09' } }] } }],
    [
      'a CD',
      'vm-0',
      {
        cdroms: {
          change: [
            {
              slot: { bus: 'ide', controller: 1, unit: 1 },
              medium: { storageName: 'ISO library', volumeName: 'debian-12.iso' },
            },
          ],
        },
      },
    ],
    ['a template', 'vm-1', { template: true }],
  ];
};

test('a host that has XML-RPC alone tells the same of everything, and takes the same steps', async () => {
  const conversation = openConversation({ kind: 'http', host: '127.0.0.1', port: host.port });
  const talk = <T>(one: HttpTalk<T>): Promise<T> => run(one, false);
  expect(await talk(conversation.open({ user: 'root', password: PASSWORD }))).toEqual({ ok: true, value: undefined });
  const xml: DriverSend = { ...send, call: (procedure, args) => talk(conversation.call(procedure, args)) };
  expect(await natives(xml)).toEqual(await natives());
  const { steps } = await plan('vm.create', 'host', {
    vm: { ...(await vm('vm-1')), name: 'in XML', uuid: '', disks: [], nics: [nic(NETWORK)], snapshots: [] },
    disks: [await disk(0, 'xml%2fxml.vmdk')],
  });
  for (const { call } of steps) expect(await driver.step(xml, call), call.procedure).toMatchObject({ ok: true });
  expect((await vm('in XML')).disks).toHaveLength(1);
  for (const { undo } of steps.toReversed()) if (undo) expect(await driver.step(xml, undo)).toMatchObject({ ok: true });
});

test('every change can be taken back to what was before', async () => {
  for (const [what, target, change] of await changes()) {
    const before = await seen();
    const made = await plan('vm.change', target, { change });
    await carryOut(made);
    expect(await seen(), what).not.toEqual(before);
    await takeBack(made);
    // A card that was made anew says that its address is a chosen one; what was a template was installed when it became a VM.
    const settled = (all: readonly string[]): string[] =>
      all.map((one) => one.replaceAll('"macGenerated":true', '"macGenerated":false').replace(/,"createdMs":\d+/, ''));
    expect(settled(await seen()), what).toEqual(settled(before));
  }
});

test('a new VM, a clone and a copy can be taken back, and leave nothing', async () => {
  const before = await seen();
  const { template: _, ...source } = await vm('vm-1');
  const blank: Vm = {
    ...source,
    name: 'new',
    uuid: '',
    template: false,
    disks: [],
    nics: [nic(NETWORK)],
    snapshots: [],
  };
  const created = await plan('vm.create', 'host', { vm: blank, disks: [await disk(0, 'new%2fnew.vmdk')] });
  await carryOut(created);
  expect((await vm('new')).disks).toHaveLength(1);
  await takeBack(created);
  expect(await seen()).toEqual(before);

  const cloned = await plan('vm.clone', 'vm-1', { name: 'copy', uuid: '', change: { cpuCount: 2 }, template: false });
  await carryOut(cloned);
  const copy = await vm('copy');
  expect(copy).toMatchObject({ cpuCount: 2, memoryBytes: source.memoryBytes, description: source.description });
  expect(copy.disks.map(({ capacityBytes }) => capacityBytes)).toEqual(
    source.disks.map(({ capacityBytes }) => capacityBytes),
  );
  expect(copy.disks[0]?.medium.path).not.toBe(source.disks[0]?.medium.path);
  expect(copy.nics[0]?.mac).not.toBe(source.nics[0]?.mac);
  await takeBack(cloned);
  expect(await seen()).toEqual(before);
});

test('a snapshot that was reverted to and removed leaves the VM as it was', async () => {
  const before = await vm('vm-1');
  await carryOut(await plan('snapshot.create', 'vm-1', { name: 's', description: 'd', memory: false, quiesce: false }));
  const [taken] = (await vm('vm-1')).snapshots;
  expect(taken).toMatchObject({ name: 's', description: 'd', current: true, hasMemory: false });
  await carryOut(await plan('vm.change', 'vm-1', { change: { memoryBytes: GIB } }));
  await carryOut(await plan('snapshot.revert', 'vm-1', { snapshot: taken?.native ?? '' }));
  await carryOut(await plan('snapshot.deleteAll', 'vm-1', {}));
  const after = await vm('vm-1');
  const still = ({ disks, ...rest }: Vm): unknown => ({
    ...rest,
    disks: disks.map(({ capacityBytes, slot }) => ({ capacityBytes, slot })),
  });
  expect(still(after)).toEqual(still(before));
});

test('a host is disabled while nothing runs on it, enabled, and rebooted once it is out of service', async () => {
  const now = async (): Promise<Host> => (await documented((await estate()).native('host'))).doc as Host;
  expect(await now()).toMatchObject({ maintenance: false, controls: ['maintenance', 'power'] });
  for (const verb of ['host.enterMaintenance', 'host.reboot', 'host.shutdown'] as const)
    expect(await (await estate()).plan(verb, (await estate()).id('host'), {})).toMatchObject({
      fault: { kind: 'invalid-state' },
    });
  for (const native of await natives())
    if (native.kind === 'vm' && ((await documented(native)).doc as Vm).powerState !== 'stopped')
      await carryOut(await plan('vm.stop', scan(native).name, {}));
  const entered = await plan('host.enterMaintenance', 'host', {});
  await carryOut(entered);
  expect((await now()).maintenance).toBe(true);
  await carryOut(await plan('host.exitMaintenance', 'host', {}));
  expect((await now()).maintenance).toBe(false);
  const shutdown = await plan('host.shutdown', 'host', {});
  expect(shutdown.steps.map(({ call: { procedure } }) => procedure)).toEqual(['host.disable', 'host.shutdown']);
  await carryOut(shutdown);
  expect((await now()).maintenance).toBe(true);
  await carryOut(await plan('host.exitMaintenance', 'host', {}));
});
