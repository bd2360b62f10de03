/** A VM as the PropertyCollector tells of it in, its native object out. */
import type { NativeObject } from '../../generic/native.ts';
import { childOf } from '../../wire/xml.ts';
import { documentText, READ, type Told, textIn } from './properties.ts';

/** Swap files and logs grow by themselves; the disks' own files are what is asked for. */
const withDisksOnly = (told: Told): Told => {
  const files = told.values.get('layoutEx.file');
  if (files === undefined) return told;
  const disks = files.children.filter((file) => childOf(file, 'type')?.text.startsWith('disk') === true);
  return { ...told, values: new Map([...told.values, ['layoutEx.file', { ...files, children: disks }]]) };
};

/** What is being made, or cannot be reached, has no configuration yet: it is listed when it has one. */
export const isWhole = (told: Told): boolean => told.values.has('config.hardware');

export const machineObject = (told: Told, autostart: ReadonlySet<string>): NativeObject => ({
  kind: 'vm',
  native: told.ref.value,
  parts: { vm: documentText('VirtualMachine', withDisksOnly(told), READ.VirtualMachine) },
  facts: { power: textIn(told, 'runtime.powerState'), autostart: autostart.has(told.ref.value) },
});
