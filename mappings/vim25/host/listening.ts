/** The host's updates, as a long poll: a view of the inventory is watched, and each object that came, changed or went becomes an event. */
import type { Outcome } from '../../generic/faults.ts';
import type { HostEvent, HttpTalk } from '../../generic/platform.ts';
import { childOf, childrenOf, type XmlElement } from '../../wire/xml.ts';
import type { MoRef } from '../values.ts';
import { propSet, refIn, refsIn, type Told, textIn, throughView, toldOf, WATCHED } from './properties.ts';
import { type Answer, type Args, contentRef } from './soap-call.ts';

/** A call in the session as it is: a session that is lost has lost its filter too. */
export type Send = (method: string, target: MoRef, args: Args, limitMs?: number) => HttpTalk<Answer>;

const WAIT_SECONDS = 60;
const WAIT_LIMIT_MS = (WAIT_SECONDS + 60) * 1000;
/** Updates in one answer; the rest comes with the next. */
const PAGE = 500;

export const OBJECT_UPDATE = 'ObjectUpdate';

/** What must be remembered of a VM to say what happened to it. */
interface Known {
  power: string;
  datastores: readonly string[];
}

const powerHint = (before: string | undefined, after: string): string | undefined => {
  if (before === undefined || before === after) return undefined;
  if (after === 'poweredOn') return before === 'suspended' ? 'vm.resumed' : 'vm.started';
  return after === 'suspended' ? 'vm.suspended' : 'vm.stopped';
};

const vmEvent = (kind: string, told: Told, vms: Map<string, Known>): Readonly<Record<string, unknown>> => {
  const { value } = told.ref;
  const before = vms.get(value);
  if (kind === 'leave') {
    vms.delete(value);
    return { datastores: before?.datastores ?? [] };
  }
  const datastores = told.values.get('datastore');
  const power = textIn(told, 'runtime.powerState');
  const now: Known = {
    power: power === '' ? (before?.power ?? '') : power,
    datastores: datastores === undefined ? (before?.datastores ?? []) : refsIn(datastores).map((ref) => ref.value),
  };
  vms.set(value, now);
  const hint =
    powerHint(before?.power, now.power) ??
    (kind === 'modify' && told.values.has('config.changeVersion') ? 'vm.changed' : undefined);
  // Files of a VM come and go with it, and with its snapshots.
  const files = kind === 'enter' || told.values.has('snapshot') || datastores !== undefined;
  return { ...(hint === undefined ? {} : { hint }), datastores: files ? now.datastores : [] };
};

const eventsOf = (update: XmlElement, vms: Map<string, Known>): HostEvent[] =>
  childrenOf(update, 'filterSet').flatMap((filter) =>
    childrenOf(filter, 'objectSet').map((object) => {
      const kind = childOf(object, 'kind')?.text.trim() ?? '';
      const told = toldOf(object, childOf(object, 'obj'), 'changeSet');
      const { type, value: id } = told.ref;
      const more = type === 'VirtualMachine' ? vmEvent(kind, told, vms) : {};
      return { procedure: OBJECT_UPDATE, args: { type, id, kind, ...more } };
    }),
  );

export function* listen(send: Send): HttpTalk<Outcome<undefined>> {
  const collector = yield* send('CreatePropertyCollector', contentRef('PropertyCollector', 'propertyCollector'), {});
  if (!collector.ok) return collector;
  const pc = refIn(collector.value[0]);
  const view = yield* send('CreateContainerView', contentRef('ViewManager', 'viewManager'), {
    container: contentRef('Folder', 'rootFolder'),
    type: Object.keys(WATCHED),
    recursive: true,
  });
  if (!view.ok) return view;
  const seen = refIn(view.value[0]);
  if (pc === undefined || seen === undefined) throw new Error('the host makes no collector and no view');
  const spec = { propSet: propSet(WATCHED), objectSet: [throughView(seen)] };
  const filter = yield* send('CreateFilter', pc, { spec, partialUpdates: false });
  if (!filter.ok) return filter;
  const vms = new Map<string, Known>();
  let version = '';
  let isListening = false;
  for (;;) {
    const wait = { maxWaitSeconds: isListening ? WAIT_SECONDS : 0, maxObjectUpdates: PAGE };
    const answer = yield* send('WaitForUpdatesEx', pc, { version, options: wait }, WAIT_LIMIT_MS);
    if (!answer.ok) return answer;
    const update = answer.value[0];
    const events = update === undefined ? [] : eventsOf(update, vms);
    version = (update && childOf(update, 'version')?.text) ?? version;
    if (isListening) yield { step: 'events', events };
    else if (update === undefined || childOf(update, 'truncated')?.text.trim() !== 'true') {
      // What was there from the start is listed by whoever opens the connection.
      isListening = true;
      yield { step: 'events', events: [] };
    }
  }
}
