/** network.* in, their plans out. A network of XenServer has no port groups and reaches a port of the host only as a VLAN of it. */
import type { Plan } from '../../../generic/plan.ts';
import { call, found, type Planning, paramsOf, probe, refuse } from '../../../generic/planning.ts';
import type { Locator } from '../locate.ts';
import { own } from '../names.ts';
import { newDraft, uuidFrom } from './draft.ts';
import { keptPart } from './planning.ts';

const MTU = 1500;

export const planNetworkCreate = async (planning: Planning): Promise<Plan> => {
  const { name, bridge, uplinks } = paramsOf(planning, 'network.create');
  const { command, context } = planning;
  if (name.trim() === '') refuse('invalid-name', { name }, `'${name}' is no name for a network.`);
  if (bridge !== '' || uplinks.length > 0)
    refuse('not-supported', {}, 'A new network of this host has no port of the host and names its bridge itself.');
  const other = context.store.list('network', command.host).find((entry) => entry.name === name);
  if (other) refuse('duplicate-name', { name, object: other.id }, `The name '${name}' already exists.`);
  const mark = `${context.job}.1`;
  const made: Locator = { find: 'made', cls: 'network', label: name, mark };
  const draft = newDraft(command.host, `network:${name}`);
  const step = draft.add(
    `create network ${name}`,
    'pivot',
    call('network.create', {
      args: { name_label: name, name_description: '', MTU, managed: true, other_config: { [own.job]: mark } },
    }),
    probe('located', { locator: made }),
  );
  const ref = { kind: 'network', native: uuidFrom(step) } as const;
  draft.touch(ref);
  draft.makes = ref;
  return draft.plan();
};

export const planNetworkDelete = async (planning: Planning): Promise<Plan> => {
  const { entry, native } = found('network', planning.command.target, planning);
  const self = keptPart(native, 'network')?.ref ?? '';
  const draft = newDraft(planning.command.host, entry.native);
  draft.add('destroy network', 'pivot', call('network.destroy', { self }), probe('absent', { cls: 'network', self }));
  draft.touch({ kind: 'network', native: entry.native });
  return draft.plan();
};

export const planPortgroup = async (): Promise<Plan> =>
  refuse('not-supported', {}, 'A network of this host has no port groups.');
