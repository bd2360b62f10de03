/** host.* in, plans on the one HostSystem behind an address out; of several behind a vCenter none is meant. */
import type { NativeCall } from '../../../generic/native.ts';
import type { Plan, Step, StepKind } from '../../../generic/plan.ts';
import { call, found, mustRunNothing, type Planning, probe, refuse, sealed, step } from '../../../generic/planning.ts';
import { moRef } from '../../values.ts';
import { HOST_NATIVE } from '../estate.ts';
import { hostFacts } from './planning.ts';
import { WITHOUT_EFFECT } from './steps.ts';

/** The host refuses after so long what it could not finish. */
const LIMIT_S = 300;

const onHost = (method: string, host: string, args: Readonly<Record<string, unknown>>): NativeCall =>
  call(method, { _this: moRef('HostSystem', host), ...args });

const maintenance = (host: string, on: boolean): NativeCall =>
  onHost(on ? 'EnterMaintenanceMode_Task' : 'ExitMaintenanceMode_Task', host, { timeout: LIMIT_S });

const maintenanceStep = (host: string, on: boolean, kind: StepKind): Step =>
  step(
    on ? 'enter maintenance' : 'exit maintenance',
    kind,
    maintenance(host, on),
    probe('maintenance-is', { host, on }),
    kind === 'compensatable' ? { undo: maintenance(host, !on) } : {},
  );

const theHost = (planning: Planning): { readonly moid: string; readonly maintenance: boolean } => {
  const { doc } = found('host', planning.command.target, planning);
  if (doc.controls.length === 0) refuse('not-supported', {}, 'Several hosts are behind this address.');
  return { moid: String(hostFacts(planning)['host'] ?? ''), maintenance: doc.maintenance };
};

const planOf = ({ command }: Planning, steps: readonly Step[]): Plan => ({
  host: command.host,
  queue: HOST_NATIVE,
  steps: sealed(steps, WITHOUT_EFFECT),
  touches: [{ kind: 'host', native: HOST_NATIVE }],
});

export const planEnterMaintenance = async (planning: Planning): Promise<Plan> => {
  const host = theHost(planning);
  if (host.maintenance) return planOf(planning, []);
  mustRunNothing(planning);
  return planOf(planning, [maintenanceStep(host.moid, true, 'pivot')]);
};

export const planExitMaintenance = async (planning: Planning): Promise<Plan> => {
  const host = theHost(planning);
  return planOf(planning, host.maintenance ? [maintenanceStep(host.moid, false, 'pivot')] : []);
};

/** Never by force: the host refuses while anything runs on it that is not known here. */
export const planHostPower = async (planning: Planning): Promise<Plan> => {
  const host = theHost(planning);
  mustRunNothing(planning);
  const method = planning.command.verb === 'host.reboot' ? 'RebootHost_Task' : 'ShutdownHost_Task';
  return planOf(planning, [
    ...(host.maintenance ? [] : [maintenanceStep(host.moid, true, 'compensatable')]),
    step(method, 'pivot', onHost(method, host.moid, { force: false }), probe('always')),
  ]);
};
