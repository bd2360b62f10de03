/** What both fronts' commands begin with: the documents of entries, while others change them. */
import { expect, test } from 'vitest';
import { type HubId, hubId } from '../../mappings/generic/ids.ts';
import type { BrokerContext, Brokered } from '../../mappings/generic/platform.ts';
import type { Entry } from '../../mappings/generic/store-view.ts';
import { documents as ofVim25 } from '../../mappings/vim25/central/inventory.ts';
import { documents as ofXenApi } from '../../mappings/xenapi/central/targets.ts';
import type { Work } from '../../mappings/xenapi/central/work.ts';

const BUSY = { id: hubId('vm', 1) } as Entry;
const GONE = { id: hubId('vm', 2) } as Entry;

/** Each rendering of the busy one but the last is old by the time it is looked at; the other one vanishes meanwhile. */
const contextOf = (renderings: number): { context: BrokerContext; rendered: HubId[][] } => {
  const rendered: HubId[][] = [];
  const store = {
    entry: (id: HubId) => (id === GONE.id && rendered.length > 0 ? undefined : id === BUSY.id ? BUSY : GONE),
    generic: (_: string, id: HubId) => (id === BUSY.id && rendered.length >= renderings ? { name: 'busy' } : undefined),
  };
  return { context: { store } as unknown as BrokerContext, rendered };
};

const drive = <T>(act: Brokered<T>, rendered: HubId[][]): T => {
  for (let step = act.next(); ; step = act.next(undefined)) {
    if (step.done === true) return step.value;
    if (step.value.effect === 'render') rendered.push([...step.value.ids]);
  }
};

for (const [front, documents] of [
  ['vim25', (context: BrokerContext) => ofVim25('vm', [BUSY, GONE], context)],
  ['XenAPI', (context: BrokerContext) => ofXenApi('vm', [BUSY, GONE], { context } as Work)],
] as const)
  test(`${front}: an object that changes while it is rendered has not vanished, one that is gone has`, () => {
    const { context, rendered } = contextOf(3);
    const found = drive<readonly { readonly id: HubId }[]>(documents(context), rendered);
    expect(found.map(({ id }) => id)).toEqual([BUSY.id]);
    expect(rendered).toEqual([[BUSY.id, GONE.id], [BUSY.id], [BUSY.id]]);
  });
