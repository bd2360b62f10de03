/** A host in memory for tests of central calls: documents in, a broker context out that notes the commands and says how every effect ends. */
import type { Call, Reply, Session } from '../../../../mappings/generic/call.ts';
import type { Command } from '../../../../mappings/generic/commands.ts';
import { done, type Fault, fault, type Outcome, refused } from '../../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../../mappings/generic/ids.ts';
import type { Job } from '../../../../mappings/generic/jobs.ts';
import type { DocumentKind, Documents, Vm } from '../../../../mappings/generic/model.ts';
import type { BrokerContext, Brokered, Effect, Resume } from '../../../../mappings/generic/platform.ts';
import { blankVm } from '../../../../mappings/vim25/central/blank-vm.ts';
import { centralCall } from '../../../../mappings/vim25/central/central.ts';
import { vimFault } from '../../../../mappings/vim25/faults.ts';
import { decodeRequest } from '../../../../mappings/vim25/front.ts';
import { methodOf } from '../../../../mappings/vim25/types.ts';
import { driveBy, type Entries, fixedDice, ownValuesIn, renderIn, storeOf } from '../../entry-store.ts';
import { GIB, hostDocOf, MIB, networkDocOf, storageDoc, volumeDoc } from '../../sample-documents.ts';

export const HOST = hubId('host', 1);
export const POOL = hubId('storage', 2);
export const NETWORK = hubId('network', 3);
export const WEB = hubId('vm', 10);
const hostDoc = hostDocOf(HOST);
export const NOW = Date.UTC(2024, 4, 5, 6, 7, 8);

/** `web`: running, one SCSI disk, one nic, an empty CD-ROM drive. */
export const webDoc = (more: Partial<Vm> = {}): Vm => ({
  ...blankVm(),
  name: 'web',
  nativeName: 'web',
  uuid: 'aaaaaaaa-1111-2222-3333-444444444444',
  powerState: 'stopped',
  cpuCount: 2,
  cpuMax: 2,
  memoryBytes: GIB,
  memoryMaxBytes: GIB,
  osId: 'debian10',
  bits: 64,
  modifiedMs: NOW - 1000,
  scsiControllers: [{ ordinal: 0, model: 'lsilogic' }],
  disks: [
    {
      slot: { bus: 'scsi', controller: 0, unit: 0 },
      medium: {
        storageName: 'default',
        storage: POOL,
        volumeName: 'web%2fweb.vmdk',
        path: '/srv/default/web%2fweb.vmdk',
      },
      capacityBytes: 10 * GIB,
      thin: true,
      readOnly: false,
      shareable: false,
      persistent: true,
    },
  ],
  cdroms: [{ slot: { bus: 'ide', controller: 0, unit: 0 } }],
  nics: [
    {
      ordinal: 0,
      mac: '52:54:00:00:00:01',
      macGenerated: false,
      model: 'virtio',
      network: NETWORK,
      networkName: 'VM Network',
      connected: true,
    },
  ],
  attributes: [
    { owner: 'vim25', key: 'vmPathName', value: '[default] web/web.vmx' },
    { owner: 'vim25', key: 'guestId', value: 'debian10_64Guest' },
    { owner: 'vim25', key: 'guestinfo.a', value: '1' },
  ],
  ...more,
});

export interface TestHost {
  readonly context: BrokerContext;
  /** Commands in order, and how they were asked for. */
  readonly commands: { readonly how: 'run' | 'start'; readonly command: Command }[];
  readonly asked: { readonly question: string; readonly args: Readonly<Record<string, unknown>> }[];
  readonly own: Map<string, unknown>;
  put<K extends DocumentKind>(kind: K, id: HubId, native: string, doc: Documents[K]): void;
  drop(id: HubId): void;
  relate(id: HubId, to: DocumentKind, others: HubId[]): void;
  /** What a run command ends with, and what questions are answered. */
  onRun(end: (command: Command) => Fault | unknown): void;
  onAsk(answer: (question: string, args: Readonly<Record<string, unknown>>) => Outcome): void;
  drive<T>(generator: Brokered<T>): T;
  call(method: string, target: { type: string; id: string }, args?: Readonly<Record<string, unknown>>): Reply;
  /** A request as recorded or written, decoded by the front's own decoder. */
  request(xml: string): Reply;
  /** The outcome of the last settled job. */
  readonly settled: Outcome[];
}

const isFault = (value: unknown): value is Fault =>
  typeof value === 'object' && value !== null && 'kind' in value && 'members' in value;

export const testHost = (): TestHost => {
  const entries: Entries = new Map();
  const edges = new Map<string, HubId[]>();
  const own = new Map<string, unknown>();
  const commands: TestHost['commands'] = [];
  const asked: TestHost['asked'] = [];
  const settled: Outcome[] = [];
  let end: (command: Command) => unknown = () => undefined;
  let answer: (question: string, args: Readonly<Record<string, unknown>>) => Outcome = () =>
    refused(fault('not-supported', {}, ''));
  let jobs = 100;
  const volumesIn = (storage: HubId): HubId[] => {
    const name = entries.get(storage)?.entry.name;
    return [...entries.values()]
      .filter(({ entry, doc }) => entry.kind === 'volume' && (doc as { storageName: string }).storageName === name)
      .map(({ entry }) => entry.id);
  };
  const store = storeOf(entries, edges, {
    find: (_host, kind, native) =>
      [...entries.values()].find(({ entry }) => entry.kind === kind && entry.native === native)?.entry,
    edges: (id, to) => edges.get(`${id} ${to}`) ?? (to === 'volume' ? volumesIn(id) : []),
  });
  const context = {
    front: {
      name: 'f',
      platform: 'vim25',
      host: HOST,
      hostName: 'kvm1',
      uuid: 'u',
      certificate: '',
      port: 443,
      options: {},
    },
    session: { id: 's', role: 'administrator' } as unknown as Session,
    now: () => NOW,
    random: fixedDice(),
    store,
    own: ownValuesIn(own),
  } as unknown as BrokerContext;
  const job = (more: Partial<Job>): Job => ({ id: hubId('job', ++jobs), state: 'success', ...more }) as Job;
  const serve = (effect: Effect): Resume => {
    switch (effect.effect) {
      case 'render':
        return renderIn(entries, effect.ids);
      case 'run':
      case 'start': {
        commands.push({ how: effect.effect, command: effect.command });
        const result = end(effect.command);
        return isFault(result) ? job({ state: 'error', fault: result }) : job({ result });
      }
      case 'settle':
        settled.push(effect.outcome);
        return job(
          effect.outcome.ok ? { result: effect.outcome.value } : { state: 'error', fault: effect.outcome.fault },
        );
      case 'ask':
        asked.push({ question: effect.question, args: effect.args });
        return answer(effect.question, effect.args);
      default:
        throw new Error(`no ${effect.effect} here`);
    }
  };
  const drive = driveBy(serve);
  const host: TestHost = {
    context,
    commands,
    asked,
    own,
    settled,
    drive,
    put: (kind, id, native, doc) => {
      const name = (doc as { name: string }).name;
      const uuid = (doc as { uuid?: string }).uuid ?? '';
      entries.set(id, {
        entry: { id, kind, host: HOST, native, name, uuid, facts: {}, version: 7, stale: false },
        doc,
        rendered: false,
      });
    },
    drop: (id) => void entries.delete(id),
    relate: (id, to, others) => void edges.set(`${id} ${to}`, others),
    onRun: (given) => {
      end = given;
    },
    onAsk: (given) => {
      answer = given;
    },
    call: (method, target, args = {}) => {
      if (!methodOf(method)) throw new Error(`no method ${method}`);
      const call: Call = { method, target, args, version: '', operation: '' };
      return drive(centralCall(call, context));
    },
    request: (xml) => {
      const decoded = decodeRequest(Buffer.from(xml));
      if (!decoded.ok) throw new Error(`the request was refused: ${decoded.fault.text}`);
      return drive(centralCall(decoded.call, context));
    },
  };
  host.put('host', HOST, 'host', hostDoc);
  host.put('storage', POOL, 'pool-uuid', storageDoc('default'));
  host.put('network', NETWORK, 'net-uuid', networkDocOf('VM Network'));
  host.put('volume', hubId('volume', 20), 'pool-uuid/web%2fweb.vmdk', volumeDoc('web%2fweb.vmdk'));
  host.put(
    'volume',
    hubId('volume', 21),
    'pool-uuid/iso%2fdebian.iso',
    volumeDoc('iso%2fdebian.iso', { format: 'raw', capacityBytes: 12 }),
  );
  host.put('volume', hubId('volume', 22), 'pool-uuid/made-by-others.qcow2', volumeDoc('made-by-others.qcow2'));
  host.put('vm', WEB, 'aaaaaaaa-1111-2222-3333-444444444444', webDoc());
  return host;
};

/** The vim25 fault of a reply, or of the task that was settled. */
export const faultOf = (
  host: TestHost,
  reply: Reply,
): { type: string; members: Readonly<Record<string, unknown>> } | undefined => {
  if (reply.kind === 'fault') return vimFault(reply.fault);
  const last = host.settled.at(-1);
  return last && !last.ok ? vimFault(last.fault) : undefined;
};

export const VM_FOLDER = { type: 'Folder', id: 'ha-folder-vm' };
export const WEB_TARGET = { type: 'VirtualMachine', id: '10' };
export const moref = (type: string, value: string) => ({ _type: 'ManagedObjectReference', type, value });
export const onlyCommand = (host: TestHost): Command => {
  if (host.commands.length !== 1)
    throw new Error(`${host.commands.length} commands: ${host.commands.map(({ command }) => command.verb).join()}`);
  return host.commands[0]?.command as Command;
};
export { done, GIB, MIB, networkDocOf, storageDoc, volumeDoc };
