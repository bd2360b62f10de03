/** `transvisor sim xenapi`: flags in, a simulated XenServer host on a port and what to connect with out. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { startXenHost } from '../fixtures/xenapi-host/server.ts';
import { fingerprints, makeCa, makeLeaf } from '../runtime/tls.ts';
import { numberIn } from './number-flag.ts';

export interface SimFlags {
  readonly port?: string;
  readonly listen?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly vms?: string;
  readonly tls?: boolean;
  readonly loginDelay?: string;
  readonly operationTime?: string;
  readonly readyFile?: string;
  readonly json?: boolean;
}

/** What is told when it answers, as JSON in the ready file. */
export interface SimReady {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** SHA-1 and SHA-256 of the certificate, '' without TLS. */
  readonly fingerprint: string;
  readonly fingerprint256: string;
}

export interface RunningSim {
  readonly ready: SimReady;
  readonly text: string;
  readonly close: () => Promise<void>;
}

export const startSim = async (flags: SimFlags): Promise<RunningSim> => {
  const user = flags.user ?? 'root';
  const password =
    flags.passwordFile === undefined
      ? randomBytes(12).toString('base64url')
      : readFileSync(flags.passwordFile, 'utf8').replace(/\r?\n$/, '');
  const listen = flags.listen ?? '127.0.0.1';
  const nowMs = Date.now();
  const names = ['localhost', ...(isIP(listen) === 0 ? [] : [listen])];
  const tls = flags.tls === true ? makeLeaf(makeCa(nowMs, 'Transvisor simulated host'), names, nowMs) : undefined;
  const host = await startXenHost({
    port: numberIn('port', flags.port, 0, 65_535),
    listen,
    user,
    password,
    vms: numberIn('vms', flags.vms, 4, 20_000),
    ...(flags.loginDelay === undefined ? {} : { loginDelayMs: numberIn('login-delay', flags.loginDelay, 0, 60_000) }),
    ...(flags.operationTime === undefined
      ? {}
      : { operationMs: numberIn('operation-time', flags.operationTime, 0, 600_000) }),
    ...(tls === undefined ? {} : { tls }),
  });
  const prints = tls === undefined ? { sha1: '', sha256: '' } : fingerprints(tls.certificate);
  const ready = { url: host.url, user, password, fingerprint: prints.sha1, fingerprint256: prints.sha256 };
  const text = [
    `simulated XenServer host: ${ready.url}`,
    ...(tls === undefined ? [] : [`  certificate SHA-1   ${prints.sha1}`, `  certificate SHA-256 ${prints.sha256}`]),
    `user ${user}`,
    flags.passwordFile === undefined ? `password ${password} (made for this run)` : 'password: as in the file',
    'Everything on it is gone when it ends (Ctrl-C).',
    '',
  ].join('\n');
  return { ready, text, close: host.close };
};
