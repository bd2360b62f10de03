/** Calls on HostNetworkSystem in, `network.*` commands out: a virtual switch is a network of the host, shown with a port group of its own name. */
import type { Call } from '../../generic/call.ts';
import { command } from '../../generic/commands.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { escapeName } from '../names.ts';
import type { DataObject } from '../values.ts';
import { run, value } from './effects.ts';
import { type Found, isNamed, networks } from './inventory.ts';
import { invalidArgument, notSupported, refuse } from './refusal.ts';
import { nameOf } from './vm-names.ts';

const MAX_VLAN = 4095;

const named = (all: readonly Found<'network'>[], name: string): Found<'network'> =>
  all.find(({ doc }) => isNamed(doc, name)) ?? refuse('not-found', {});

const refuseInUse = (network: Found<'network'>, context: BrokerContext): void => {
  if (context.store.edges(network.id, 'vm').length > 0) refuse('busy', { object: network.id });
};

export function* addVirtualSwitch(call: Call, context: BrokerContext): Brokered {
  const name = nameOf(call.args['vswitchName'] as string);
  const spec = call.args['spec'] as DataObject | undefined;
  const bridge = spec?.['bridge'] as DataObject | undefined;
  const uplinks = [bridge?.['nicDevice'] ?? []].flat() as string[];
  const all = yield* networks(context);
  if (all.some(({ doc }) => doc.name === name)) refuse('already-exists', { name: escapeName(name) });
  yield* run(call, command('network.create', context.front.host, context.front.host, { name, bridge: '', uplinks }));
  return value();
}

/** Sent back as it is: nothing to do. Anything else is the host's own business. */
export function* updateVirtualSwitch(call: Call, context: BrokerContext): Brokered {
  const network = named(yield* networks(context), call.args['vswitchName'] as string);
  const spec = call.args['spec'] as DataObject;
  const bridge = spec['bridge'] as DataObject | undefined;
  const uplinks = [bridge?.['nicDevice'] ?? []].flat() as string[];
  const mtu = spec['mtu'] as number | undefined;
  const isSame =
    uplinks.join() === network.doc.uplinks.join() && (mtu === undefined || mtu === (network.doc.mtu ?? 1500));
  return isSame ? value() : notSupported('Uplinks and MTU of a virtual switch are set on the host itself.');
}

export function* removeVirtualSwitch(call: Call, context: BrokerContext): Brokered {
  const network = named(yield* networks(context), call.args['vswitchName'] as string);
  refuseInUse(network, context);
  yield* run(call, command('network.delete', network.entry.host, network.id, {}));
  return value();
}

const groupOf = (spec: DataObject): { name: string; vlan: number; vswitch: string } => {
  const vlan = spec['vlanId'] as number;
  if (vlan < 0 || vlan > MAX_VLAN) invalidArgument('portgrp.vlanId');
  return { name: nameOf(spec['name'] as string), vlan, vswitch: spec['vswitchName'] as string };
};

export function* addPortGroup(call: Call, context: BrokerContext): Brokered {
  const { name, vlan, vswitch } = groupOf(call.args['portgrp'] as DataObject);
  const all = yield* networks(context);
  const network = named(all, vswitch);
  if (all.some(({ doc }) => doc.name === name || doc.portgroups.some((group) => group.name === name)))
    refuse('already-exists', { name: escapeName(name) });
  yield* run(call, command('network.addPortgroup', network.entry.host, network.id, { name, vlan }));
  return value();
}

const withGroup = (
  all: readonly Found<'network'>[],
  name: string,
): { network: Found<'network'>; group: { name: string; vlan: number } } => {
  for (const network of all) {
    const group = network.doc.portgroups.find((one) => one.name === name || escapeName(one.name) === name);
    if (group) return { network, group };
  }
  // The port group that a switch is shown with goes with the switch.
  if (all.some(({ doc }) => isNamed(doc, name))) return notSupported('This port group is the network itself.');
  return refuse('not-found', {});
};

export function* removePortGroup(call: Call, context: BrokerContext): Brokered {
  const { network, group } = withGroup(yield* networks(context), call.args['pgName'] as string);
  yield* run(call, command('network.removePortgroup', network.entry.host, network.id, { name: group.name }));
  return value();
}

/** Another VLAN or name: the group anew. */
export function* updatePortGroup(call: Call, context: BrokerContext): Brokered {
  const all = yield* networks(context);
  const wanted = groupOf(call.args['portgrp'] as DataObject);
  const { network, group } = withGroup(all, call.args['pgName'] as string);
  if (!isNamed(network.doc, wanted.vswitch)) notSupported('A port group stays on its switch.');
  if (wanted.name === group.name && wanted.vlan === group.vlan) return value();
  if (
    wanted.name !== group.name &&
    all.some(({ doc }) => doc.name === wanted.name || doc.portgroups.some(({ name }) => name === wanted.name))
  ) {
    refuse('already-exists', { name: escapeName(wanted.name) });
  }
  yield* run(call, command('network.removePortgroup', network.entry.host, network.id, { name: group.name }));
  yield* run(
    call,
    command('network.addPortgroup', network.entry.host, network.id, { name: wanted.name, vlan: wanted.vlan }),
  );
  return value();
}
