/** The templates that every host has without anybody making them: as hub VMs, with what XenAPI says of them beside. */
import { emptyVm } from '../generic/empty-vm.ts';
import type { Vm } from '../generic/model.ts';

const MIB = 1024 ** 2;

/** A VM that no client described yet. */
export const blankVm = (): Vm => emptyVm(512 * MIB, 64);

export interface DefaultTemplate {
  /** Part of the host's VM references: 0 is the control domain. */
  readonly part: number;
  readonly vm: Vm;
  readonly otherConfig: Readonly<Record<string, string>>;
}

const template = (part: number, name: string, description: string, more: Partial<Vm>): DefaultTemplate => ({
  part,
  vm: { ...blankVm(), name, description, template: true, ...more },
  otherConfig: { default_template: 'true', 'install-methods': 'cdrom,http,nfs' },
});

export const DEFAULT_TEMPLATES: readonly DefaultTemplate[] = [
  template(1, 'Other install media', 'Template which allows VM installation from install media', {}),
];
