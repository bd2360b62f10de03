/** A VM as the PropertyCollector tells of it in, its native object out. */
import type { NativeObject } from '../../generic/native.ts';
import { childOf, escapeAttribute } from '../../wire/xml.ts';
import { type Estate, networkNative } from './estate.ts';
import { documentText, READ, refsIn, type Told, textIn } from './properties.ts';

/** Swap files and logs grow by themselves; the disks' own files are what is asked for. */
const withDisksOnly = (told: Told): Told => {
  const files = told.values.get('layoutEx.file');
  if (files === undefined) return told;
  const disks = files.children.filter((file) => childOf(file, 'type')?.text.startsWith('disk') === true);
  return { ...told, values: new Map([...told.values, ['layoutEx.file', { ...files, children: disks }]]) };
};

/** What is being made, or cannot be reached, has no configuration yet: it is listed when it has one. */
export const isWhole = (told: Told): boolean => told.values.has('config.hardware');

/** What the VM's own document cannot say of the networks it is on: their names. */
const networksText = (told: Told, networks: readonly Told[]): string => {
  const on = new Set(refsIn(told.values.get('network')).map(({ value }) => value));
  const inner = networks
    .filter(({ ref }) => on.has(ref.value))
    // The same order whoever reads it.
    .toSorted((one, other) => (one.ref.value < other.ref.value ? -1 : 1))
    .map((network) => {
      const key = textIn(network, 'key') || network.ref.value;
      return `<network native="${escapeAttribute(networkNative(network.ref))}" moid="${escapeAttribute(network.ref.value)}" key="${escapeAttribute(key)}" name="${escapeAttribute(textIn(network, 'name'))}"/>`;
    });
  return `<networks>${inner.join('')}</networks>`;
};

export const machineObject = (
  told: Told,
  { autostart, networks }: Pick<Estate, 'autostart' | 'networks'>,
): NativeObject => ({
  kind: 'vm',
  native: told.ref.value,
  parts: {
    vm: documentText('VirtualMachine', withDisksOnly(told), READ.VirtualMachine),
    networks: networksText(told, networks),
  },
  facts: { power: textIn(told, 'runtime.powerState'), autostart: autostart.vms.has(told.ref.value) },
});
