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
import {
  checkNothingShared,
  restoreShared,
  saveShared,
  sharedCells,
} from '../transform-server/storage/redis/backup.ts';
import type { RedisOptions } from '../transform-server/storage/redis/options.ts';
import { DirectoryInUse } from '../transform-server/storage/storage.ts';
import { type AdminFlags, askAdminRaw } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';
import { configOf, type FullConfig } from './flags.ts';
import { linkAddresses } from './link.ts';
import { redisOptions } from './member.ts';
import { createProgress, lengthOf, passing } from './progress.ts';
import { holdersOf } from './state-holders.ts';

interface Told {
  readonly json: unknown;
  readonly text: string;
}

const DOWNLOAD_MS = 600_000;

const configured = ({ state, config }: AdminFlags): ReturnType<typeof configOf> =>
  configOf({ ...(state === undefined ? {} : { state }), ...(config === undefined ? {} : { config }) });

/** undefined: this server shares its state with none. */
const sharedBy = (config: FullConfig): RedisOptions | undefined => {
  if (config.redis === undefined) return undefined;
  const [address] = linkAddresses(config, 'server');
  return redisOptions(config, address);
};

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
    if (error instanceof DirectoryInUse || error instanceof Unavailable || error instanceof ConfigError) throw error;
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
  const config = configured(flags);
  const { state } = config;
  const shared = sharedBy(config);
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
  let cells: number | undefined;
  try {
    cells = shared && (await saveShared(shared, file));
    checkBackup(file);
  } catch (error) {
    rmSync(file, { force: true });
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
  const { size } = statSync(file);
  const notes = [
    'It holds keys and the hashes of passwords: keep it as you keep those.',
    ...(cells === undefined
      ? []
      : [`What servers share is in it, of ${cells} hosts; what is each server's own is of this one alone.`]),
  ];
  return {
    json: { file, bytes: size, from, ...(cells === undefined ? {} : { cells }), notes },
    text: `${file}: ${size} bytes, of ${from}\n${notes.map((note) => `${note}\n`).join('')}`,
  };
};

/** `own`: only what is this server's own, where another one's backup has brought back what they share. */
export const restore = async (file: string, flags: AdminFlags & { readonly own?: boolean }): Promise<Told> => {
  const config = configured(flags);
  const { state } = config;
  const [holder] = holdersOf(state);
  if (holder !== undefined)
    throw new Unavailable(`${state} is in use by pid ${holder.pid}: stop it first (${holder.command})`);
  const shared = await told(async () => {
    checkBackup(file);
    if (flags.own === true || sharedCells(file) === undefined) return undefined;
    const options = sharedBy(config);
    if (options === undefined)
      throw new ConfigError(`${file} holds what servers share: name their Redis with --config, or restore with --own`);
    await checkNothingShared(options);
    return options;
  });
  const before = await told(async () => {
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
  const cells = shared && (await told(() => restoreShared(shared, file)));
  const brought = cells === undefined ? '' : `What servers share: of ${cells} hosts\n`;
  const kept = before === undefined ? '' : `What was there is in ${before}\n`;
  return {
    json: { state, file, before, ...(cells === undefined ? {} : { cells }) },
    text: `${state}: as in ${file}\n${brought}${kept}`,
  };
};
