/** Questions that change nothing: statistics of running domains as plain numbers. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { Statistics, VmSample } from '../../generic/statistics.ts';
import { domain } from './arguments.ts';
import { ask, askOr } from './conversation.ts';

/** virDomainStatsTypes: state 1, cpu 2, balloon 4, vcpu 8, interface 16, block 32. */
const STATS = 1 | 2 | 4 | 16 | 32;
/** virConnectGetAllDomainStatsFlags: only running, and never wait for one that is busy. */
const ACTIVE = 1;
const NOWAIT = 1 << 29;
/** About 4 ms a running domain, one after the other inside the daemon: small pieces let other calls in between. */
const CHUNK = 50;

const nodeNumber = (params: readonly { field: string; value: bigint }[], field: string): number =>
  Number(params.find((p) => p.field === field)?.value ?? 0n);

const hostSample = async (send: DriverSend): Promise<Statistics['host']> => {
  const [cpu, memory] = await Promise.all([
    askOr(send, 'NODE_GET_CPU_STATS', { cpuNum: -1, nparams: 16, flags: 0 }, { params: [] }),
    askOr(send, 'NODE_GET_MEMORY_STATS', { nparams: 16, cellNum: -1, flags: 0 }, { params: [] }),
  ]);
  const of = (field: string): number => nodeNumber(cpu.params, field);
  return {
    cpuNs: of('kernel') + of('user') + of('iowait'),
    idleNs: of('idle'),
    memoryBytes: nodeNumber(memory.params, 'total') * 1024,
    freeBytes:
      (nodeNumber(memory.params, 'free') + nodeNumber(memory.params, 'buffers') + nodeNumber(memory.params, 'cached')) *
      1024,
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
      const values = new Map(params.map(({ field, value }) => [field, Number(value)]));
      const sum = (pattern: RegExp): number =>
        params.reduce((total, { field, value }) => (pattern.test(field) ? total + Number(value) : total), 0);
      vms.push({
        native: dom.uuid,
        cpuNs: values.get('cpu.time') ?? 0,
        memoryBytes: (values.get('balloon.current') ?? 0) * 1024,
        residentBytes: (values.get('balloon.rss') ?? 0) * 1024,
        readBytes: sum(/^block\.\d+\.rd\.bytes$/),
        writtenBytes: sum(/^block\.\d+\.wr\.bytes$/),
        readRequests: sum(/^block\.\d+\.rd\.reqs$/),
        writeRequests: sum(/^block\.\d+\.wr\.reqs$/),
        receivedBytes: sum(/^net\.\d+\.rx\.bytes$/),
        sentBytes: sum(/^net\.\d+\.tx\.bytes$/),
      });
    }
  }
  return done({ vms, host: await hostSample(send) });
};
