/** What a change says of network cards in, steps on VIFs out. */
import type { VmChange } from '../../../generic/commands.ts';
import type { Nic } from '../../../generic/model.ts';
import { call, type Planning, probe, refuse } from '../../../generic/planning.ts';
import { own } from '../names.ts';
import type { Card } from '../native-vm.ts';
import { cardRecord } from './create.ts';
import { type Draft, orNone, setField, setKey } from './draft.ts';
import { isActive, networkRef, type TargetVm, wrongState } from './planning.ts';

const MOST_DEVICE = 15;

const plug = (self: unknown) => call('Async.VIF.plug', { self });
const unplug = (self: unknown) => call('Async.VIF.unplug', { self });
const attached = (self: unknown, is: boolean) =>
  probe('field-is', { cls: 'VIF', self, field: 'currently_attached', is: [String(is)] });

/** The document's card with that number says all of it. */
const nicOf = (target: TargetVm, card: Card): Nic =>
  target.doc.nics.find(({ mac }) => mac.toLowerCase() === card.mac) ??
  refuse('invalid-device', { index: 0, property: 'mac' }, `There is no network card ${card.mac}.`);

const cardAt = (target: TargetVm, mac: string): Card =>
  target.vm.cards.find((card) => card.mac === mac.toLowerCase()) ??
  refuse('invalid-device', { index: 0, property: 'mac' }, `There is no network card ${mac}.`);

const addCard = (draft: Draft, target: TargetVm, nic: Nic, network: string, device: number): void => {
  const made = { find: 'VIF', vm: target.ref, place: String(device) } as const;
  draft.add(
    `create card ${device}`,
    'compensatable',
    call('VIF.create', { args: cardRecord(target.ref, nic, network, device) }),
    probe('located', { locator: made }),
    call('VIF.destroy', { self: made }),
  );
  if (isActive(target))
    draft.add(`plug card ${device}`, 'compensatable', plug(made), attached(made, true), unplug(made));
};

const removeCard = (draft: Draft, target: TargetVm, card: Card, planning: Planning): void => {
  const { ref, device } = card;
  const network = networkRef({ networkName: card.networkName }, planning, 0);
  const again = cardRecord(
    target.ref,
    { ...nicOf(target, card), mac: card.mac, macGenerated: false },
    network,
    Number(device),
  );
  if (isActive(target) && card.attached)
    draft.add(`unplug card ${device}`, 'compensatable', unplug(ref), attached(ref, false), plug(ref));
  draft.add(
    `remove card ${device}`,
    'compensatable',
    call('VIF.destroy', { self: ref }),
    probe('absent', { cls: 'VIF', self: ref }),
    call('VIF.create', { args: again }),
  );
};

const lockingOf = (connected: boolean): string => (connected ? 'network_default' : 'disabled');

const changeCard = (draft: Draft, target: TargetVm, card: Card, to: Partial<Nic>, planning: Planning): void => {
  const nic = nicOf(target, card);
  const network =
    to.networkName !== undefined && to.networkName !== card.networkName
      ? networkRef({ networkName: to.networkName, ...(to.network ? { network: to.network } : {}) }, planning, 0)
      : undefined;
  const isOther =
    (to.mac !== undefined && to.mac !== '' && to.mac.toLowerCase() !== card.mac) ||
    (to.mtu !== undefined && to.mtu !== card.mtu);
  if (isOther) {
    if (isActive(target))
      wrongState(target, `A network card of ${target.doc.name} can only be exchanged while it is powered off.`);
    removeCard(draft, target, card, planning);
    const same = networkRef({ networkName: card.networkName }, planning, 0);
    addCard(draft, target, { ...nic, ...to }, network ?? same, Number(card.device));
    return;
  }
  if (network !== undefined) {
    const move = (where: string) => call('Async.VIF.move', { self: card.ref, network: where });
    draft.add(
      `move card ${card.device}`,
      'compensatable',
      move(network),
      probe('field-is', { cls: 'VIF', self: card.ref, field: 'network', is: [network] }),
      move(networkRef({ networkName: card.networkName }, planning, 0)),
    );
  }
  if (to.connected !== undefined && to.connected !== card.connected)
    setField(draft, 'VIF', card.ref, 'locking_mode', lockingOf(to.connected), lockingOf(card.connected));
  if (to.model !== undefined && to.model !== nic.model)
    setKey(
      draft,
      'VIF',
      card.ref,
      'other_config',
      own.model,
      to.model === 'virtio' ? undefined : to.model,
      orNone(card.model),
    );
};

export const changeCards = (draft: Draft, target: TargetVm, { nics }: VmChange, planning: Planning): void => {
  const taken = new Set(target.vm.cards.map(({ device }) => Number(device)));
  for (const mac of nics?.remove ?? []) {
    const card = cardAt(target, mac);
    removeCard(draft, target, card, planning);
    taken.delete(Number(card.device));
  }
  for (const { mac, to } of nics?.change ?? []) changeCard(draft, target, cardAt(target, mac), to, planning);
  for (const [index, nic] of (nics?.add ?? []).entries()) {
    let device = 0;
    while (taken.has(device)) device += 1;
    if (device > MOST_DEVICE)
      refuse('invalid-device', { index, property: 'ordinal' }, 'A virtual machine has at most 16 network cards.');
    taken.add(device);
    addCard(draft, target, nic, networkRef(nic, planning, index), device);
  }
};
