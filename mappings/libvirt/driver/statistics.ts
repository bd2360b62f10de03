/** Questions that change nothing: statistics of running domains as plain numbers. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { Statistics, VmSample } from '../../generic/statistics.ts';
import type { TypedParam } from '../types.ts';
import { domain } from './arguments.ts';
import { ask, askOr, inParallel } from './conversation.ts';

/** virDomainStatsTypes: state 1, cpu 2, balloon 4, vcpu 8, interface 16, block 32. */
const STATS = 1 | 2 | 4 | 8 | 16 | 32;
/** virConnectGetAllDomainStatsFlags: only running, and never wait for one that is busy. */
const ACTIVE = 1;
const NOWAIT = 1 << 29;
/** About 4 ms a running domain, one after the other inside the daemon: small pieces let other calls in between. */
const CHUNK = 50;

type NodeQuestion = 'NODE_GET_CPU_STATS' | 'NODE_GET_MEMORY_STATS';
/** Of the whole host: all threads, all NUMA cells. */
const ALL = -1;
/** Threads asked for one by one. */
const MOST_THREADS = 512;
const THREADS_AT_ONCE = 8;

/** The daemon refuses any other number of places than it has figures; asked with none it tells how many. */
const nodeFigures = async (
  send: DriverSend,
  question: NodeQuestion,
  cpuNum: number,
): Promise<((field: string) => number) | undefined> => {
  const of = (nparams: number) => ({ cpuNum, cellNum: ALL, nparams, flags: 0 });
  const places = await ask(send, question, of(0));
  const told = places.ok ? await ask(send, question, of(places.value.nparams)) : places;
  if (!told.ok) return undefined;
  const { params } = told.value;
  return (field) => Number(params.find((one) => one.field === field)?.value ?? 0n);
};

const busyNs = (figures: (field: string) => number): number => figures('kernel') + figures('user');

const hostSample = async (send: DriverSend): Promise<Statistics['host']> => {
  const [cpu, memory, node] = await Promise.all([
    nodeFigures(send, 'NODE_GET_CPU_STATS', ALL),
    nodeFigures(send, 'NODE_GET_MEMORY_STATS', ALL),
    askOr(send, 'NODE_GET_INFO', {}, { cpus: 0 }),
  ]);
  const threads = await inParallel(
    Array.from({ length: cpu === undefined ? 0 : Math.min(node.cpus, MOST_THREADS) }, (_, n) => n),
    THREADS_AT_ONCE,
    (n) => nodeFigures(send, 'NODE_GET_CPU_STATS', n),
  );
  return {
    cpuNs: cpu === undefined ? 0 : busyNs(cpu),
    idleNs: cpu === undefined ? 0 : cpu('idle') + cpu('iowait'),
    memoryBytes: memory === undefined ? 0 : memory('total') * 1024,
    freeBytes: memory === undefined ? 0 : (memory('free') + memory('buffers') + memory('cached')) * 1024,
    threadNs: threads.flatMap((one) => (one === undefined ? [] : [busyNs(one)])),
  };
};

const FIELD = /^(block|net|vcpu)\.(\d+)\.(.+)$/;

type Numbered = Record<'block' | 'net' | 'vcpu', Map<string, number | string>[]>;

/** `block.0.rd.bytes` and its like, by what they are of and its number. */
const numbered = (params: readonly TypedParam[]): Numbered => {
  const found: Numbered = { block: [], net: [], vcpu: [] };
  for (const { field, value } of params) {
    const [, of, n, name] = FIELD.exec(field) ?? [];
    if (of === undefined || n === undefined || name === undefined) continue;
    const list = found[of as keyof Numbered];
    list[Number(n)] ??= new Map();
    list[Number(n)]?.set(name, typeof value === 'string' ? value : Number(value));
  }
  return found;
};

const vmSample = (native: string, params: readonly TypedParam[]): VmSample => {
  const values = new Map(params.map(({ field, value }) => [field, Number(value)]));
  const { block, net, vcpu } = numbered(params);
  const of = (one: Map<string, number | string> | undefined, name: string): number => Number(one?.get(name) ?? 0);
  const disks = Array.from(block, (one) => ({
    device: String(one?.get('name') ?? ''),
    readBytes: of(one, 'rd.bytes'),
    writtenBytes: of(one, 'wr.bytes'),
    readRequests: of(one, 'rd.reqs'),
    writeRequests: of(one, 'wr.reqs'),
  }));
  const nics = Array.from(net, (one) => ({ receivedBytes: of(one, 'rx.bytes'), sentBytes: of(one, 'tx.bytes') }));
  const sum = <T>(list: readonly T[], read: (one: T) => number): number =>
    list.reduce((total, one) => total + read(one), 0);
  return {
    native,
    cpuNs: values.get('cpu.time') ?? 0,
    memoryBytes: (values.get('balloon.current') ?? 0) * 1024,
    residentBytes: (values.get('balloon.rss') ?? 0) * 1024,
    readBytes: sum(disks, ({ readBytes }) => readBytes),
    writtenBytes: sum(disks, ({ writtenBytes }) => writtenBytes),
    readRequests: sum(disks, ({ readRequests }) => readRequests),
    writeRequests: sum(disks, ({ writeRequests }) => writeRequests),
    receivedBytes: sum(nics, ({ receivedBytes }) => receivedBytes),
    sentBytes: sum(nics, ({ sentBytes }) => sentBytes),
    threadNs: Array.from(vcpu, (one) => of(one, 'time')),
    disks: disks.filter(({ device }) => device !== ''),
    nics,
  };
};

/** Samples of the named domains, or of every running one. */
export const statistics = async (
  send: DriverSend,
  natives: readonly string[] | undefined,
): Promise<Outcome<Statistics>> => {
  const vms: VmSample[] = [];
  const chunks: (readonly string[])[] = [];
  for (let n = 0; natives && n < natives.length; n += CHUNK) chunks.push(natives.slice(n, n + CHUNK));
  for (const chunk of natives ? chunks : [[]]) {
    const doms = chunk.map(domain);
    const outcome = await ask(send, 'CONNECT_GET_ALL_DOMAIN_STATS', {
      doms,
      stats: STATS,
      flags: doms.length > 0 ? NOWAIT : ACTIVE | NOWAIT,
    });
    if (!outcome.ok) return outcome;
    for (const { dom, params } of outcome.value.retStats) {
      vms.push(vmSample(dom.uuid, params));
    }
  }
  return done({ vms, host: await hostSample(send) });
};
