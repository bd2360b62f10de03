/** The link of a configuration in; whether its certificates hold and, at an agent, the server lets it in, out. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../runtime/clock.ts';
import { ConfigError } from '../../runtime/config.ts';
import { formatLinkAddress, type LinkAddress } from '../../runtime/link-address.ts';
import { dialLink } from '../../runtime/link-dial.ts';
import type { Admission } from '../../runtime/link-ws.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import { readSecretFile, Secret } from '../../runtime/secret.ts';
import { Unavailable } from '../exit-codes.ts';
import type { FullConfig } from '../flags.ts';
import { openLinkOf } from '../link.ts';
import { lookAtMode, lookAtSecret, lookAtValidity } from './files.ts';
import type { Finding, Place } from './finding.ts';
import type { Program } from './ports.ts';

const ANSWER_MS = 8000;

/** A log that keeps what it is warned of. */
const listening = (heard: (text: string) => void): Log => ({ ...silentLog, warn: (_, text) => heard(text) });

/** undefined: the server let us in; the link is given up at once. Else what the first attempt said. */
const refusalOf = (address: LinkAddress, admission: Admission): Promise<string | undefined> =>
  new Promise((resolve) => {
    const end = (refusal: string | undefined): void => {
      forget();
      dialling.close();
      resolve(refusal);
    };
    const forget = systemClock.after(ANSWER_MS, () => end(`no answer in ${ANSWER_MS / 1000} s`));
    const dialling = dialLink(address, admission, listening(end), () => end(undefined));
  });

const tokenOf = (path: string, program: Program): Secret => {
  // A server makes it at its first start.
  if (existsSync(path)) return readSecretFile(path);
  if (program === 'server') return new Secret('made at the first start');
  throw new Unavailable(
    `${path}: no such file; the server makes it at its first start, or name it with --link-token-file`,
  );
};

export const lookAtLink = async (config: FullConfig, program: Program, place: Place): Promise<Finding[]> => {
  if (program === 'up') return [];
  const { link, state } = config;
  const findings: Finding[] = [];
  const where = place(['link', 'address']);
  const token = link.tokenFile ?? join(state, 'link-token');
  if (existsSync(token)) findings.push(...lookAtSecret(token, place(['link', 'tokenFile'])));
  const key = link.keyFile ?? join(state, 'tls', 'link.key');
  if (existsSync(key)) findings.push(...lookAtMode(key, place(['link', 'keyFile'])));
  const ca = link.caFile ?? join(state, 'tls', 'link-ca.crt');
  findings.push(
    ...lookAtValidity(
      ca,
      place(['link', 'caFile']),
      systemClock.now(),
      'put its successor into the file on all machines',
    ),
  );
  const warned = (what: string): void => void findings.push({ level: 'warning', what, where, fix: '' });
  try {
    const opened = openLinkOf(config, program, listening(warned), () => tokenOf(token, program));
    const asked = program === 'agent' ? opened.addresses : [];
    const refusals = await Promise.all(asked.map((address) => refusalOf(address, opened.admission)));
    opened.close();
    for (const [n, address] of asked.entries()) {
      const refusal = refusals[n];
      if (refusal === undefined) continue;
      const what = `${formatLinkAddress(address)}: ${refusal}`;
      const fix = 'is the server up there, and is this agent known to it by certificate or token?';
      // One server that answers is enough.
      findings.push({ level: refusals.includes(undefined) ? 'warning' : 'error', what, where, fix });
    }
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Unavailable)) throw error;
    findings.push({ level: 'error', what: error.message, where, fix: '' });
  }
  return findings;
};
