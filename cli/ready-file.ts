/** What is told when everything answers: endpoints and credentials as JSON (the ready file) and as text for people. */
import { renameSync, writeFileSync } from 'node:fs';
import type { AgentFront } from '../agent/agent.ts';
import { fingerprints } from '../runtime/tls.ts';
import type { Credentials } from './composition.ts';
import { frontUrl } from './fronts.ts';

export interface ReadyFront {
  readonly front: string;
  readonly host: string;
  readonly url: string;
  readonly user: string;
  /** '' when it was set before and is not known to this run. */
  readonly password: string;
  /** SHA-1, which vendor clients call a thumbprint; '' without TLS. */
  readonly fingerprint: string;
  readonly fingerprint256: string;
  /** Client and host speak the same API: users and passwords are the host's own. */
  readonly pass?: true;
}

export interface Ready {
  readonly fronts: readonly ReadyFront[];
  readonly admin?: { readonly url: string; readonly token: string };
  readonly [platform: string]: unknown;
}

export const readyOf = (
  fronts: readonly AgentFront[],
  ports: ReadonlyMap<string, number>,
  credentials: Credentials,
  admin?: { url: string; token: string },
): Ready => {
  const password = credentials.password?.reveal() ?? '';
  const rows = fronts.map((front): ReadyFront => {
    const prints = front.tls === undefined ? { sha1: '', sha256: '' } : fingerprints(front.tls.certificate);
    return {
      front: front.platform.name,
      host: front.host,
      url: frontUrl(front, ports.get(front.name) ?? front.port),
      // Sessions of a front that passes are the host's own.
      user: front.pass === undefined ? credentials.user : front.pass.credentials().user,
      password: front.pass === undefined ? password : '',
      ...(front.pass === undefined ? {} : { pass: true }),
      fingerprint: prints.sha1,
      fingerprint256: prints.sha256,
    };
  });
  const named: Record<string, unknown> = {};
  for (const { front, host: _, ...rest } of rows) named[front] ??= rest;
  return { fronts: rows, ...named, ...(admin === undefined ? {} : { admin }) };
};

/** Readers poll for the file: it appears whole, and only its owner may read the password. */
export const writeReadyFile = (path: string, ready: object): void => {
  writeFileSync(`${path}.new`, `${JSON.stringify(ready, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};

export const readyText = (ready: Ready, fresh: boolean): string => {
  const lines = ready.fronts.map(
    (front) =>
      `${front.front} for ${front.host}: ${front.url}${front.pass === true ? ' (passes: log in as on the host itself)' : ''}${front.fingerprint === '' ? '' : `\n  certificate SHA-1   ${front.fingerprint}\n  certificate SHA-256 ${front.fingerprint256}`}`,
  );
  const first = ready.fronts.find(({ pass }) => pass !== true);
  if (first !== undefined) {
    lines.push(`user ${first.user}`);
    lines.push(fresh ? `password ${first.password} (shown this once)` : 'password: as set before');
  }
  if (ready.admin !== undefined) lines.push(`admin ${ready.admin.url} (token in the state directory)`);
  return `${lines.join('\n')}\n`;
};
