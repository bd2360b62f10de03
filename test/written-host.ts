/** A platform and a running host of it in; commands of the hub carried out on it, and what it then tells, out. */
import { openLanes } from '../agent/lanes.ts';
import type { Params, Verb } from '../mappings/generic/commands.ts';
import type { Outcome } from '../mappings/generic/faults.ts';
import { hubId } from '../mappings/generic/ids.ts';
import type { NativeObject } from '../mappings/generic/native.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { Secret } from '../runtime/secret.ts';
import { type Results, resolveRef, resolveReferences } from '../transform-server/jobs/references.ts';
import { type Estate, openEstate, openSheets } from './mappings/libvirt/plan-estate.ts';

export interface WrittenHost extends AsyncDisposable {
  /** Everything that the host tells, with its documents, as plans see it. */
  estate(): Promise<Estate>;
  /** The host's name of what was made, '' where nothing is. `asked`: the target by its native name (default: the host), and the parameters. */
  run<V extends Verb>(verb: V, asked: (estate: Estate) => { target?: string; params: Params[V] }): Promise<string>;
}

const ended = <T>(outcome: Outcome<T>, what: string): T => {
  if (!outcome.ok) throw new Error(`${what}: ${outcome.fault.kind}: ${outcome.fault.text}`);
  return outcome.value;
};

/** Hosts of tests are done at once: the pauses between two looks at a task are short, limits are what they are. */
const clock: Clock = { ...systemClock, after: (ms, act) => systemClock.after(ms > 2000 ? ms : Math.min(ms, 5), act) };

/** How long a step may take that ends later than its call. */
const AWAIT_MS = 10_000;

export const openWrittenHost = async (
  { driver, host: hostSide, sheets, converse }: Platform,
  uri: string,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<WrittenHost> => {
  if (!driver || !hostSide || !converse) throw new Error('it is no host that is spoken to over HTTP');
  const { endpoint, open } = ended(converse(uri), uri);
  const lanes = ended(
    await openLanes({
      dialer: { endpoint, converse: open, credentials: () => ({ user, password: new Secret(password) }) },
      host: 'written',
      counts: driver.lanes,
      clock,
      log: silentLog,
      onEvent: () => {},
    }),
    uri,
  );
  const { send } = lanes;
  const shared = await openSheets();
  let jobs = 0;
  const estate = async (): Promise<Estate> => {
    const natives: NativeObject[] = [];
    for await (const batch of driver.inventory(send)) natives.push(...batch);
    return openEstate(natives, { hostSide, sheets }, { job: hubId('job', ++jobs), shared });
  };
  return {
    estate,
    run: async (verb, asked) => {
      const from = await estate();
      const { target = from.all().find(({ native }) => native.kind === 'host')?.native.native ?? '', params } =
        asked(from);
      const plan = ended(await from.plan(verb, from.id(target), params), verb);
      const results: Record<string, Results[string]> = {};
      for (const { name, call, probe, awaits } of plan.steps) {
        results[name] = ended(await driver.step(send, resolveReferences(call, results)), `${verb}, ${name}`);
        if (awaits === undefined) continue;
        for (const endMs = Date.now() + AWAIT_MS; ended(await driver.probe(send, probe), name) !== 'done'; )
          if (Date.now() > endMs) throw new Error(`${verb}, ${name} does not end`);
      }
      return (plan.makes && resolveRef(plan.makes, results)?.native) ?? '';
    },
    [Symbol.asyncDispose]: async () => {
      await lanes.close();
      shared.dispose();
    },
  };
};
