/** `transvisor backup` and `restore`: the state directory of a program into one file, and back. A server that runs is asked for its own. */
import {
  constants,
  copyFileSync,
  createWriteStream,
  existsSync,
  lchownSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConfigError } from '../runtime/config.ts';
import { makeFolder } from '../runtime/replace-file.ts';
import { checkBackup, restoreDirectory, snapshotDirectory } from '../transform-server/storage/backup.ts';
import { DirectoryInUse } from '../transform-server/storage/storage.ts';
import { type AdminFlags, askAdminRaw } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';
import { configOf } from './flags.ts';
import { createProgress, lengthOf, passing } from './progress.ts';
import { holdersOf } from './state-holders.ts';

interface Told {
  readonly json: unknown;
  readonly text: string;
}

const DOWNLOAD_MS = 600_000;

const configured = ({ state, config }: AdminFlags): ReturnType<typeof configOf> =>
  configOf({ ...(state === undefined ? {} : { state }), ...(config === undefined ? {} : { config }) });

/** Root works on another user's directory as that user: files made there are readable to the program, and no link laid there leads root astray. */
const asOwner = async <T>({ uid, gid }: Stats, act: () => Promise<T> | T): Promise<T> => {
  if (process.getuid?.() !== 0 || uid === 0) return act();
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
};

/** What is thrown of a file or directory is told as it is. */
const told = async <T>(act: () => Promise<T>): Promise<T> => {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DirectoryInUse || error instanceof Unavailable) throw error;
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
};

const download = async (flags: AdminFlags, file: string): Promise<void> => {
  const response = await askAdminRaw(flags, '/api/v1/backup', 'POST', DOWNLOAD_MS);
  if (response.status !== 200 || response.body === null)
    throw new Unavailable(`the running server gives no backup: it answered with status ${response.status}`);
  await pipeline(
    Readable.fromWeb(response.body),
    passing(createProgress('backup'), lengthOf(response)),
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
  );
};

const copyOf = async (state: string, file: string): Promise<void> => {
  const owner = statSync(state);
  const snapshot = await asOwner(owner, () => snapshotDirectory(state));
  try {
    copyFileSync(snapshot, file, constants.COPYFILE_EXCL);
  } finally {
    await asOwner(owner, () => rmSync(snapshot));
  }
};

export const backUp = async (file: string, flags: AdminFlags): Promise<Told> => {
  const { state, redis } = configured(flags);
  if (existsSync(file)) throw new ConfigError(`${file} exists already`);
  let from = state;
  try {
    await told(async () => {
      if (!existsSync(state)) throw new Unavailable(`${state}: no such state directory`);
      await copyOf(state, file);
    });
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    await told(() => download(flags, file));
    from = 'the running server';
  }
  try {
    checkBackup(file);
  } catch (error) {
    rmSync(file, { force: true });
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
  const { size } = statSync(file);
  const notes = [
    'It holds keys and the hashes of passwords: keep it as you keep those.',
    ...(redis === undefined ? [] : ['What servers share is in Redis and is backed up there.']),
  ];
  return {
    json: { file, bytes: size, from, notes },
    text: `${file}: ${size} bytes, of ${from}\n${notes.map((note) => `${note}\n`).join('')}`,
  };
};

export const restore = async (file: string, flags: AdminFlags): Promise<Told> => {
  const { state } = configured(flags);
  const [holder] = holdersOf(state);
  if (holder !== undefined)
    throw new Unavailable(`${state} is in use by pid ${holder.pid}: stop it first (${holder.command})`);
  const before = await told(async () => {
    checkBackup(file);
    makeFolder(state);
    const owner = statSync(state);
    const copy = join(state, 'restore.new');
    // The file is the operator's, who may be the only one to read it; the directory is the program's.
    await asOwner(owner, () => rmSync(copy, { force: true }));
    copyFileSync(file, copy, constants.COPYFILE_EXCL);
    if (process.getuid?.() === 0) lchownSync(copy, owner.uid, owner.gid);
    try {
      return await asOwner(owner, () => restoreDirectory(state, copy));
    } finally {
      rmSync(copy, { force: true });
    }
  });
  const kept = before === undefined ? '' : `What was there is in ${before}\n`;
  return { json: { state, file, before }, text: `${state}: as in ${file}\n${kept}` };
};
