/** A simulated host over the agent's own connection with a clock of the test, and plans carried out step by step as the server would. */
import { readFileSync } from 'node:fs';
import { openConnection } from '../../../agent/connections/connection.ts';
import type { Command } from '../../../mappings/generic/commands.ts';
import { parseDocument } from '../../../mappings/generic/documents.ts';
import type { Outcome } from '../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../../mappings/generic/model.ts';
import type { NativeObject } from '../../../mappings/generic/native.ts';
import type { DriverSend, HostTransport, PlanContext } from '../../../mappings/generic/platform.ts';
import type { Entry } from '../../../mappings/generic/store-view.ts';
import { sim } from '../../../mappings/sim/platform.ts';
import type { XsltEngine } from '../../../transform-server/engine/engine.ts';

export const MIB = 1024 * 1024;
export const GIB = 1024 ** 3;

export const testClock = () => {
  let now = 1_700_000_000_000;
  const timers = new Set<{ atMs: number; callback: () => void }>();
  return {
    now: () => now,
    after: (delayMs: number, callback: () => void) => {
      const timer = { atMs: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: async (ms: number): Promise<void> => {
      const until = now + ms;
      await new Promise((resolve) => setImmediate(resolve));
      for (;;) {
        const next = [...timers].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.atMs);
        next.callback();
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = until;
    },
  };
};

export const fine = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${outcome.fault.kind}: ${outcome.fault.text}`);
  return outcome.value;
};
export const faultOf = (outcome: Outcome): string => (outcome.ok ? 'no fault' : outcome.fault.kind);

export const { driver, host } = sim as Required<typeof sim>;

export const startHost = async (uri = 'sim:///default') => {
  const clock = testClock();
  const dialer = fine((sim.connect as NonNullable<typeof sim.connect>)(uri));
  const events: { procedure: string; args: Readonly<Record<string, unknown>> }[] = [];
  const dial = async (): Promise<HostTransport> =>
    fine(await openConnection({ endpoint: dialer.endpoint, transport: dialer.open(), clock })).transport;
  const [reads, work] = [await dial(), await dial()];
  reads.onEvent((event) => events.push(event));
  const send: DriverSend = {
    call: (procedure, args, lane) => (lane === 'read' ? reads : work).call(procedure, args),
    gather: () => Promise.reject(new Error('this driver gathers nothing')),
  };
  const objects = async (): Promise<NativeObject[]> => {
    const out: NativeObject[] = [];
    for await (const batch of driver.inventory(send)) out.push(...batch);
    return out;
  };
  const read = async <K extends DocumentKind>(kind: K, native: string): Promise<Documents[K] | undefined> => {
    const [change] = await driver.read(send, [{ kind, native }]);
    return change?.change === 'put' ? parseDocument(kind, change.object.parts['document'] ?? '') : undefined;
  };
  return { clock, dial, send, events, objects, read, reads, work };
};
export type StartedHost = Awaited<ReturnType<typeof startHost>>;

/** What the server's store would tell of these objects. Documents are the native ones: the golden pairs show that the sheet copies them. */
export const contextOf = (objects: readonly NativeObject[], job: number, engine: XsltEngine) => {
  const all = objects.map((object, n) => ({ object, id: hubId(object.kind, n + 1), scan: host.scan(object) }));
  const hostId = all.find(({ object }) => object.kind === 'host')?.id as HubId;
  const entryOf = ({ object, id, scan }: (typeof all)[number]): Entry => ({
    id,
    kind: object.kind,
    host: hostId,
    native: object.native,
    name: scan.name,
    uuid: scan.uuid ?? '',
    facts: object.facts,
    version: 1,
    stale: false,
  });
  const at = (id: HubId) => all.find((one) => one.id === id);
  const store = {
    entry: (id: HubId) => {
      const one = at(id);
      return one && entryOf(one);
    },
    find: (_host: HubId, kind: DocumentKind, native: string) => {
      const one = all.find(({ object }) => object.kind === kind && object.native === native);
      return one && entryOf(one);
    },
    list: (kind: DocumentKind) => all.filter(({ object }) => object.kind === kind).map(entryOf),
    generic: (kind: DocumentKind, id: HubId) => parseDocument(kind, at(id)?.object.parts['document'] ?? ''),
    edges: (id: HubId, to: DocumentKind) =>
      all
        .filter(
          ({ object, scan }) =>
            object.kind === to && scan.relations.some(({ native }) => native === at(id)?.object.native),
        )
        .map((one) => one.id),
  } as unknown as PlanContext['store'];
  const sheet = engine.compile(readFileSync(sim.sheets.fromGeneric.vm as URL, 'utf8'));
  const context: PlanContext = {
    job: hubId('job', job),
    store,
    native: (id) => at(id)?.object,
    fromGeneric: async (change) => engine.transform(await sheet, host.fromGenericInput(change)),
  };
  const idOf = (kind: DocumentKind, native: string): HubId => {
    const one = all.find(
      ({ object }) => object.kind === kind && (object.native === native || host.scan(object).name === native),
    );
    if (!one) throw new Error(`no ${kind} ${native}`);
    return one.id;
  };
  return { context, hostId, idOf };
};

/** All steps forward; on a fault the undos of what was done. Every probe must say what the call said. */
export const carryOut = async (command: Command, context: PlanContext, send: DriverSend) => {
  const planned = await host.plan(command, context);
  if (!planned.ok) return { outcome: planned as Outcome<never>, plan: undefined };
  const plan = planned.value;
  for (const [n, step] of plan.steps.entries()) {
    const outcome = await driver.step(send, step.call);
    const probed = fine(await driver.probe(send, step.probe));
    if (probed !== (outcome.ok ? 'done' : 'not-done')) throw new Error(`${step.name}: the probe says ${probed}`);
    if (outcome.ok) continue;
    for (const done of plan.steps.slice(0, n).reverse()) {
      if (!done.undo) throw new Error(`${done.name} has no undo`);
      fine(await driver.step(send, done.undo));
      if (fine(await driver.probe(send, done.probe)) !== 'not-done') throw new Error(`${done.name} is not undone`);
    }
    return { outcome, plan };
  }
  return { outcome: { ok: true, value: plan } as Outcome<typeof plan>, plan };
};
