/** Names of VMs as clients send them in, the hub's names and the names of files made for them out. */

import { volumeNameOf } from '../../generic/volume-path.ts';
import { hasControls } from '../datastore/tree.ts';
import { unescapeName } from '../names.ts';
import { refuse, refuseDirectly } from './refusal.ts';

const MAX_NAME = 80;
/** A volume's name holds the directory and the file; ext4 and XFS take 255 bytes. */
const MAX_FILE_BYTES = 110;

/** Length is counted as vSphere counts it: in characters, an escaped slash as one. */
export const nameOf = (sent: string, direct = false): string => {
  const name = unescapeName(sent);
  const bad = (): never =>
    direct ? refuseDirectly('invalid-name', { name: sent }) : refuse('invalid-name', { name: sent });
  if (name.trim() === '' || [...name].length > MAX_NAME || hasControls(name)) return bad();
  // Halves of surrogate pairs are no text.
  if (!name.isWellFormed()) return bad();
  return name;
};

/** The name of a VM's directory and files: one path segment, whatever the VM is called. */
export const fileBaseOf = (name: string): string => {
  let base = '';
  for (const c of name.replace(/[/\\]/g, '_')) {
    if (Buffer.byteLength(volumeNameOf(base + c)) > MAX_FILE_BYTES) break;
    base += c;
  }
  base = base.trim();
  return base === '' || base === '.' || base === '..' ? '_' : base;
};

/** `name`, `name_1`, `name_2`, ...: the first that is free. */
export const freeName = (base: string, taken: (name: string) => boolean): string => {
  if (!taken(base)) return base;
  for (let n = 1; ; n++) if (!taken(`${base}_${n}`)) return `${base}_${n}`;
};
