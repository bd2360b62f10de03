/** Text in, a file that is whole at any time out; files and folders that root makes belong to whoever owns the folder they lie in. */
import {
  chownSync,
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Root makes accounts and certificates for a program that runs as another user. */
const ownerIn = (folder: string): { readonly uid: number; readonly gid: number } | undefined =>
  process.getuid?.() === 0 ? statSync(folder) : undefined;

export const replaceFile = (path: string, content: string | Uint8Array, mode: number): void => {
  const next = `${path}.new`;
  rmSync(next, { force: true });
  // Never through a link that the folder's owner may have laid there.
  const fd = openSync(next, 'wx', mode);
  try {
    writeFileSync(fd, content);
    const owner = ownerIn(dirname(path));
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
};

/** Made with what is missing above it, for its owner alone. */
export const makeFolder = (folder: string): void => {
  const path = resolve(folder);
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const owner = ownerIn(dirname(first));
  if (owner === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) chownSync(made, owner.uid, owner.gid);
};
