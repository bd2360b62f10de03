/** The start of a VM with its host, as a step on the host's autostart manager. */
import type { Step, StepKind } from '../../../generic/plan.ts';
import { call, type Planning, probe, refuse, step } from '../../../generic/planning.ts';
import { moRef } from '../../values.ts';
import { hostFacts } from './planning.ts';

/** Each host has its own; a VM is started by the one it is on. */
export const managerFor = (host: string, planning: Planning): string => {
  const facts = hostFacts(planning);
  const manager = String(facts[`autoStart:${host}`] ?? '');
  return manager === '' ? refuse('not-supported', {}, 'This host starts no virtual machines by itself.') : manager;
};

/** `vm`: its moid, or where an earlier step tells it. */
export const autostartStep = (vm: unknown, autostart: boolean, manager: string, kind: StepKind): Step =>
  step(
    'autostart',
    kind,
    call('ReconfigureAutostart', {
      _this: moRef('HostAutoStartManager', manager),
      spec: {
        ...(autostart ? { defaults: { enabled: true } } : {}),
        powerInfo: [
          {
            key: { ...moRef('VirtualMachine', ''), value: vm },
            startOrder: -1,
            startDelay: -1,
            waitForHeartbeat: 'systemDefault',
            startAction: autostart ? 'powerOn' : 'none',
            stopDelay: -1,
            stopAction: 'systemDefault',
          },
        ],
      },
    }),
    typeof vm === 'string' ? probe('autostart-is', { manager, vm, autostart }) : probe('always'),
  );
