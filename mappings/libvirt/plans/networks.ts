/** network.* in, their plans out. */
import type { NativeRef } from '../../generic/ids.ts';
import type { Plan } from '../../generic/plan.ts';
import { call, type Found, found, type Planning, paramsOf, probe, refuse, step } from '../../generic/planning.ts';
import { escapeAttribute } from '../../wire/xml.ts';
import { mintUuid } from './planning.ts';
import { AFFECT, busy } from './steps.ts';

/** The test driver finds networks by their name alone in some calls, the others by their uuid. */
const net = (uuid: string, name: string) => ({ net: { uuid, name } });

export const planNetworkCreate = async (planning: Planning): Promise<Plan> => {
  const { name, bridge, uplinks } = paramsOf(planning, 'network.create');
  const { command, context } = planning;
  if (name.trim() === '' || /[/\n]/.test(name)) refuse('invalid-name', { name }, `'${name}' is no name for a network.`);
  const other = context.store.list('network', command.host).find((entry) => entry.name === name);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
  const uuid = mintUuid(planning, 'network');
  const mode = bridge !== '' || uplinks.length > 0 ? 'bridge' : 'isolated';
  const xml = await context.fromGeneric({
    kind: 'network',
    after: { name, uuid, bridge, mode, active: true, autostart: true, portgroups: [], uplinks },
  });
  const ref: NativeRef = { kind: 'network', native: uuid };
  return {
    host: command.host,
    queue: `network:${name}`,
    steps: [
      step(
        'define network',
        'compensatable',
        call('NETWORK_DEFINE_XML_FLAGS', { xml, flags: 0 }),
        probe('network-exists', { uuid }),
        { undo: call('NETWORK_UNDEFINE', net(uuid, name)) },
      ),
      step('start network', 'pivot', call('NETWORK_CREATE', net(uuid, name)), probe('network-active', { uuid })),
      step(
        'autostart network',
        'forward-only',
        call('NETWORK_SET_AUTOSTART', { ...net(uuid, name), autostart: 1 }),
        probe('network-autostart-is', { uuid, autostart: true }),
      ),
    ],
    touches: [ref],
    makes: ref,
  };
};

/** virNetworkUpdateCommand, virNetworkUpdateSection */
const COMMAND = { delete: 2, addLast: 3 } as const;
const PORTGROUP = 9;

const update = ({ native, doc }: Found<'network'>, command: number, xml: string) =>
  call('NETWORK_UPDATE', {
    ...net(native.native, doc.name),
    command,
    section: PORTGROUP,
    parentIndex: -1,
    xml,
    flags: doc.active ? AFFECT.both : AFFECT.config,
  });

const planOf = (network: Found<'network'>, plan: Pick<Plan, 'steps'>, planning: Planning): Plan => ({
  host: planning.command.host,
  queue: network.native.native,
  touches: [{ kind: 'network', native: network.native.native }],
  ...plan,
});

export const planAddPortgroup = async (planning: Planning): Promise<Plan> => {
  const { name, vlan } = paramsOf(planning, 'network.addPortgroup');
  const network = found('network', planning.command.target, planning);
  if (network.doc.portgroups.some((one) => one.name === name))
    refuse('already-exists', { name }, `The port group '${name}' already exists.`);
  if (!Number.isInteger(vlan) || vlan < 0 || vlan > 4094)
    refuse('invalid-argument', { property: 'vlan' }, `${vlan} is no VLAN.`);
  // libvirt tags frames on Open vSwitch alone: a network on a Linux bridge refuses a VLAN (libvirt 9.0).
  if (vlan !== 0 && !/<virtualport type=['"]openvswitch['"]/.test(network.native.parts['network'] ?? ''))
    refuse('not-supported', {}, `${network.doc.name} cannot tag frames.`);
  const tag = vlan === 0 ? '' : `<vlan><tag id="${vlan}"/></vlan>`;
  const xml = `<portgroup name="${escapeAttribute(name)}">${tag}</portgroup>`;
  const probed = probe('portgroup-exists', { uuid: network.native.native, name });
  return planOf(
    network,
    { steps: [step('add port group', 'pivot', update(network, COMMAND.addLast, xml), probed)] },
    planning,
  );
};

export const planRemovePortgroup = async (planning: Planning): Promise<Plan> => {
  const { name } = paramsOf(planning, 'network.removePortgroup');
  const network = found('network', planning.command.target, planning);
  if (!network.doc.portgroups.some((one) => one.name === name))
    refuse('not-found', {}, `There is no port group '${name}'.`);
  const xml = `<portgroup name="${escapeAttribute(name)}"/>`;
  const probed = probe('portgroup-absent', { uuid: network.native.native, name });
  return planOf(
    network,
    { steps: [step('remove port group', 'pivot', update(network, COMMAND.delete, xml), probed)] },
    planning,
  );
};

export const planNetworkDelete = async (planning: Planning): Promise<Plan> => {
  const network = found('network', planning.command.target, planning);
  const { doc, native, id } = network;
  if (planning.context.store.edges(id, 'vm').length > 0) busy(`${doc.name} is in use.`);
  const uuid = native.native;
  const { name } = doc;
  const stop = step(
    'stop network',
    'compensatable',
    call('NETWORK_DESTROY', net(uuid, name)),
    probe('network-inactive', { uuid }),
    { undo: call('NETWORK_CREATE', net(uuid, name)) },
  );
  return planOf(
    network,
    {
      steps: [
        ...(doc.active ? [stop] : []),
        step('undefine network', 'pivot', call('NETWORK_UNDEFINE', net(uuid, name)), probe('network-absent', { uuid })),
      ],
    },
    planning,
  );
};
