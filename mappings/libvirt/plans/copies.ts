/** Volumes to be copied in, whole and in the format they have, steps and what to read again after them out. */
import type { NativeRef } from '../../generic/ids.ts';
import type { Volume } from '../../generic/model.ts';
import type { Step, StepKind } from '../../generic/plan.ts';
import { type Planning, refuse } from '../../generic/planning.ts';
import { volumeNative } from '../volume-names.ts';
import { type Pool, volumeOf } from './planning.ts';
import { copyVolume } from './steps.ts';

export const volumeRefs = (pool: Pool, name: string): NativeRef[] => [
  { kind: 'volume', native: volumeNative(pool.uuid, name) },
  { kind: 'storage', native: pool.uuid },
];

/** A volume's name is a file's name. */
export const checkVolumeName = (name: string): void => {
  if (name === '' || name.startsWith('.') || name.includes('/') || Buffer.byteLength(name) > 255)
    refuse('invalid-name', { name }, `'${name}' is no name for a volume.`);
};

export const mustBeFree = (pool: Pool, name: string, planning: Planning): void => {
  if (volumeOf(pool, name, planning)) refuse('file-exists', { path: name }, `${name} exists in ${pool.name}.`);
};

/** The document of a volume like another one, in another place and under another name. */
export const volumeLike = (
  { format, capacityBytes }: Volume,
  pool: Pool,
  name: string,
  { context }: Planning,
): Promise<string> =>
  context.fromGeneric({
    kind: 'volume',
    after: { name, storageName: pool.name, path: '', format, capacityBytes, allocationBytes: 0 },
  });

export const copyStep = async (
  from: { readonly pool: Pool; readonly name: string; readonly doc: Volume },
  to: { readonly pool: Pool; readonly name: string },
  planning: Planning,
  kind: StepKind = 'compensatable',
): Promise<{ step: Step; touches: NativeRef[] }> => ({
  step: copyVolume(from, to, await volumeLike(from.doc, to.pool, to.name, planning), kind),
  touches: volumeRefs(to.pool, to.name),
});
