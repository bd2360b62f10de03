/** Calls that read, over the agent's `DriverSend`: a method and its arguments in, elements or pages of objects out. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { childOf, childrenOf, type XmlElement } from '../../wire/xml.ts';
import type { DataObject, MoRef } from '../values.ts';
import { propSet, refIn, type Told, throughView, toldOf } from './properties.ts';
import { type Answer, type Args, contentRef } from './soap-call.ts';

/** Objects in one answer: reading fifty VMs holds the thread for some milliseconds, and the next fifty are on their way meanwhile. */
const PAGE = 50;

export const ask = async (
  send: DriverSend,
  method: string,
  target: MoRef,
  args: Args = {},
  lane: 'read' | 'work' = 'read',
): Promise<Answer> => {
  const outcome = await send.call(method, { _this: target, ...args }, lane);
  return outcome.ok ? done(outcome.value['elements'] as readonly XmlElement[]) : outcome;
};

/** A read that the host refuses is none that the reader may take for an empty one. */
export const must = (method: string, outcome: Answer): readonly XmlElement[] => {
  if (outcome.ok) return outcome.value;
  throw new Error(`${method}: ${outcome.fault.text}`);
};

const COLLECTOR = contentRef('PropertyCollector', 'propertyCollector');

type Paths = Readonly<Record<string, readonly string[]>>;

/** An older host knows fewer properties and refuses all for one of them: it is asked again without those it names. */
const retrieveFirst = async (send: DriverSend, wanted: Paths, objectSet: readonly DataObject[]): Promise<Answer> => {
  let paths = wanted;
  for (;;) {
    const specSet = [{ propSet: propSet(paths), objectSet }];
    const answer = await ask(send, 'RetrievePropertiesEx', COLLECTOR, { specSet, options: { maxObjects: PAGE } });
    const unknown = answer.ok || answer.fault.kind !== 'invalid-property' ? undefined : answer.fault.members;
    const name = unknown !== undefined && 'name' in unknown ? unknown.name : undefined;
    const isAsked = Object.values(paths).some((list) => list.some((path) => path === name));
    if (!isAsked) return answer;
    paths = Object.fromEntries(
      Object.entries(paths).map(([type, list]) => [type, list.filter((path) => path !== name)]),
    );
  }
};

/** Pages of these properties of what is selected. */
async function* retrieve(
  send: DriverSend,
  paths: Paths,
  objectSet: readonly DataObject[],
): AsyncGenerator<Outcome<Told[]>> {
  let answer = await retrieveFirst(send, paths, objectSet);
  for (;;) {
    if (!answer.ok) {
      yield answer;
      return;
    }
    const page = answer.value[0];
    const token = page && childOf(page, 'token')?.text;
    const next = token ? ask(send, 'ContinueRetrievePropertiesEx', COLLECTOR, { token }) : undefined;
    // The next page is made while this one is used; who wants no more leaves it.
    next?.catch(() => undefined);
    yield done(page === undefined ? [] : childrenOf(page, 'objects').map((object) => toldOf(object)));
    if (next === undefined) return;
    answer = await next;
  }
}

/** These objects; a fault when one of them is gone. */
export const retrieveThese = async (
  send: DriverSend,
  refs: readonly MoRef[],
  paths: Paths,
  selectSet: readonly DataObject[] = [],
): Promise<Outcome<Told[]>> => {
  const found: Told[] = [];
  if (refs.length === 0) return done(found);
  const objectSet = refs.map((obj) => ({ obj, skip: false, ...(selectSet.length > 0 ? { selectSet } : {}) }));
  for await (const page of retrieve(send, paths, objectSet)) {
    if (!page.ok) return page;
    found.push(...page.value);
  }
  return done(found);
};

/** Everything of these types in the inventory, page by page. */
export async function* retrieveAll(send: DriverSend, paths: Paths): AsyncGenerator<Told[]> {
  const made = await ask(send, 'CreateContainerView', contentRef('ViewManager', 'viewManager'), {
    container: contentRef('Folder', 'rootFolder'),
    type: Object.keys(paths),
    recursive: true,
  });
  const view = refIn(must('CreateContainerView', made)[0]);
  if (view === undefined) throw new Error('CreateContainerView: the host makes no view');
  try {
    for await (const page of retrieve(send, paths, [throughView(view)])) {
      if (!page.ok) throw new Error(`RetrievePropertiesEx: ${page.fault.text}`);
      yield page.value;
    }
  } finally {
    // A view that stays is gone with the session.
    await ask(send, 'DestroyView', view).catch(() => undefined);
  }
}
