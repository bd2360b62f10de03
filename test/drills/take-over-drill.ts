/** A program replaced by another at random moments of a create with three steps, so many times: prints each round and what was promised; what was broken out. */
import type { Libvirtd } from '../peers/libvirtd.ts';
import { rawSoap } from '../peers/raw-soap.ts';
import { type Half, startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import { createSpec, poolOf } from './create-drill.ts';
import { random } from './random.ts';
import { createTally } from './tally.ts';

const PROMISED = {
  serves: 'the new program serves',
  done: 'a command under way or just sent succeeds',
  whole: 'the VM is there with both volumes',
  session: 'the session goes on by its cookie',
  destroy: 'what was made can be destroyed without a trace',
  quiet: 'nothing is logged as an error',
} as const;

const DATASTORE = 'default';
/** From the signal to well after the new program serves. */
const SPAN_MS = 2000;
const SERVES_LIMIT_MS = 40_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const taken = (product: Transvisor): number => product.wholeLog().match(/serves, this one ends/g)?.length ?? 0;

/** Who is replaced: the one program, or one of two. */
const pidOf = (product: Transvisor, half: Half | undefined): number => {
  const agent = product.pid();
  return half === 'server' ? (product.pids().find((pid) => pid !== agent) ?? 0) : agent;
};

export const takeOverDrills = async (options: {
  host: Libvirtd;
  times: number;
  seed: number;
  half?: Half;
  say: (line: string) => void;
}): Promise<readonly string[]> => {
  const { host, times, seed, half, say } = options;
  const dice = random(seed);
  const tally = createTally(Object.values(PROMISED));
  await using product = await startTransvisor({ host: host.uri, twoProcesses: half !== undefined });
  const soap = rawSoap(product);
  await soap.logIn();
  const before = (await poolOf({ host, datastore: DATASTORE })).join(' ');
  say(
    `${half === undefined ? 'one process' : `the ${half} of two`} is replaced, a create begins up to ${SPAN_MS} ms after`,
  );
  for (let n = 1; n <= times; n++) {
    const name = `replaced-${n}`;
    const count = taken(product);
    const begun = Date.now();
    process.kill(pidOf(product, half), 'SIGUSR2');
    const afterMs = Math.round(dice() * SPAN_MS);
    await sleep(afterMs);
    const fault = await soap
      .run('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, DATASTORE))
      .catch((error: unknown) => String(error));
    while (taken(product) === count && Date.now() - begun < SERVES_LIMIT_MS) await sleep(50);
    const servedMs = Date.now() - begun;
    tally.note(PROMISED.serves, taken(product) > count, `after ${servedMs} ms`);
    tally.note(PROMISED.done, fault === undefined, fault ?? 'success');
    const there = (await host.virsh('list', '--all', '--name')).split('\n').includes(name);
    const volumes = (await poolOf({ host, datastore: DATASTORE })).filter((one) => one.includes(name)).length;
    tally.note(PROMISED.whole, there && volumes === 2, `${there ? 'there' : 'not there'}, ${volumes} volumes`);
    const time = await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance');
    tally.note(PROMISED.session, time.fault === undefined, time.fault ?? 'no log-in needed');
    const gone = await soap.vm(name).then(
      (vm) => soap.run('Destroy_Task', 'VirtualMachine', vm),
      (error: unknown) => String(error),
    );
    const left = (await poolOf({ host, datastore: DATASTORE })).join(' ');
    tally.note(
      PROMISED.destroy,
      gone === undefined && left === before,
      gone ?? (left === before ? 'nothing left' : left),
    );
    say(
      ` ${String(n).padStart(2)}: create ${String(afterMs).padStart(4)} ms after the signal, ${fault ?? 'success'}, replaced in ${servedMs} ms`,
    );
  }
  const error = product
    .wholeLog()
    .split('\n')
    .find((line) => line.includes('"level":"error"'));
  tally.note(PROMISED.quiet, error === undefined, error?.slice(0, 400) ?? 'nothing');
  soap.close();
  for (const line of tally.table()) say(line);
  return tally.broken();
};
