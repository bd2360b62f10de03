/** host.* in, plans of the host's own enable, disable, reboot and shutdown out. */
import type { NativeCall } from '../../../generic/native.ts';
import type { Plan } from '../../../generic/plan.ts';
import { call, found, mustRunNothing, type Planning, probe } from '../../../generic/planning.ts';
import { type Draft, newDraft } from './draft.ts';
import { hostRecord } from './planning.ts';

const enable = (host: string): NativeCall => call('host.enable', { host });
const disable = (host: string): NativeCall => call('host.disable', { host });
const isEnabled = (self: string, is: boolean) =>
  probe('field-is', { cls: 'host', self, field: 'enabled', is: [String(is)] });

const drafted = (planning: Planning): { draft: Draft; host: string; maintenance: boolean } => {
  const { doc, entry } = found('host', planning.command.target, planning);
  const draft = newDraft(planning.command.host, entry.native);
  draft.touch({ kind: 'host', native: entry.native });
  return { draft, host: hostRecord(planning).ref, maintenance: doc.maintenance };
};

export const planHostEnabled = async (planning: Planning): Promise<Plan> => {
  const { draft, host, maintenance } = drafted(planning);
  const wanted = planning.command.verb === 'host.enterMaintenance';
  if (wanted === maintenance) return draft.plan();
  if (wanted) mustRunNothing(planning);
  if (wanted) draft.add('disable', 'pivot', disable(host), isEnabled(host, false));
  else draft.add('enable', 'pivot', enable(host), isEnabled(host, true));
  return draft.plan();
};

export const planHostPower = async (planning: Planning): Promise<Plan> => {
  const { draft, host, maintenance } = drafted(planning);
  mustRunNothing(planning);
  if (!maintenance) draft.add('disable', 'compensatable', disable(host), isEnabled(host, false), enable(host));
  const method = planning.command.verb === 'host.reboot' ? 'host.reboot' : 'host.shutdown';
  draft.add(method, 'pivot', call(method, { host }), probe('always'));
  return draft.plan();
};
