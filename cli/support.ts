/** `transvisor support`: the running server's bundle in, the same with what `check` finds in its configuration, as a file, out. */
import { writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ConfigError } from '../runtime/config.ts';
import { safeCopy } from '../runtime/redaction.ts';
import { endOfTar, TAR_END, tarPieces } from '../runtime/tar.ts';
import { type AdminFlags, askAdminRaw } from './admin-client.ts';
import { check } from './check.ts';
import { Unavailable } from './exit-codes.ts';
import { bytesOf } from './progress.ts';

const LIMIT_MS = 120_000;
const ROOM = 1024 * 1024;
/** The server bounds what it tells; this is for what is none of ours. */
const UNPACKED = 512 * 1024 * 1024;

const findingsOf = async (flags: AdminFlags): Promise<string> => {
  try {
    const { json } = await check(undefined, flags);
    return JSON.stringify(safeCopy(json, { left: ROOM }), undefined, 2);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Unavailable)) throw error;
    return JSON.stringify({ error: error.message });
  }
};

export const support = async (file: string, flags: AdminFlags): Promise<{ json: unknown; text: string }> => {
  const response = await askAdminRaw(flags, '/api/v1/support-bundle', 'GET', LIMIT_MS);
  if (response.status !== 200)
    throw new Unavailable(`the running server gives no bundle: it answered with status ${response.status}`);
  const archive = gunzipSync(await bytesOf(response, 'support'), { maxOutputLength: UNPACKED });
  // The server runs, so that the ports are its own: those findings are to be read with that in mind.
  const own = flags.config === undefined ? [] : [{ name: 'check.json', text: await findingsOf(flags) }];
  const whole = gzipSync(Buffer.concat([archive.subarray(0, endOfTar(archive)), tarPieces(own, Date.now()), TAR_END]));
  try {
    writeFileSync(file, whole, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new ConfigError(`${file} exists already`);
    throw error;
  }
  return {
    json: { file, bytes: whole.length },
    text: `${file}: ${whole.length} bytes; names and addresses are in it, secrets are not\n`,
  };
};
