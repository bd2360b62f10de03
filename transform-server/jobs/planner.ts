/** A command in, the host platform's plan out: with the documents that planning reads brought up first. */
import type { Command } from '../../mappings/generic/commands.ts';
import { fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import { type HubId, parseHubId } from '../../mappings/generic/ids.ts';
import type { Plan } from '../../mappings/generic/plan.ts';
import type { Platform } from '../../mappings/generic/platform.ts';
import type { StoreView } from '../../mappings/generic/store-view.ts';
import type { Hop } from '../../runtime/protocol.ts';
import type { Renderer } from '../engine/renderer.ts';
import type { Store } from '../store/store.ts';

const RENDER_TRIES = 5;

/** Hub ids anywhere in a command's parameters. */
const idsIn = (value: unknown, found: Set<HubId>): void => {
  if (typeof value === 'string') {
    const id = parseHubId(value);
    if (id !== undefined) found.add(id);
  } else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const one of Object.values(value)) idsIn(one, found);
  }
};

/** What a plan may read as generic documents: the objects named, those related to the target, and the host's storages and networks. */
const readBy = (command: Command, view: StoreView): HubId[] => {
  const ids = new Set<HubId>([command.host, command.target]);
  idsIn(command.params, ids);
  for (const kind of ['storage', 'network'] as const)
    for (const entry of view.list(kind, command.host)) ids.add(entry.id);
  for (const kind of ['volume', 'storage', 'network'] as const)
    for (const id of view.edges(command.target, kind)) ids.add(id);
  return [...ids].filter((id) => view.entry(id) !== undefined);
};

/** For the exchange log. */
export const planShown = ({ queue, steps }: Plan): Hop['detail'] => ({
  queue,
  steps: steps.map(({ name, kind }) => `${name} (${kind})`),
});

export type Planner = (job: HubId, command: Command, front: string) => Promise<Outcome<Plan>>;

export const createPlanner =
  (options: { store: Store; renderer: Renderer; platformOf: (host: HubId) => Platform | undefined }): Planner =>
  async (job, command, front) => {
    const { store, renderer, platformOf } = options;
    const platform = platformOf(command.host);
    if (!platform?.host) return refused(fault('not-supported', {}, 'This host takes no such command.'));
    const view = store.view(front);
    // What changes on the host while it is rendered is rendered anew: a plan is made from documents that are there.
    for (let tries = 0; tries < RENDER_TRIES; tries++) {
      const absent = readBy(command, view).filter((id) => store.pending(id)?.generic);
      if (absent.length === 0) break;
      await renderer.generic(absent);
    }
    return platform.host.plan(command, {
      job,
      store: view,
      native: (id) => store.native(id),
      fromGeneric: (change) => renderer.fromGeneric(platform.name, change),
    });
  };
