/** A host of the configuration in; whether it is there, is who it should be, and takes the user and password, out. It is logged in to once and asked nothing. */
import { request } from 'node:https';
import { connect as dialSocket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { dial } from '../../agent/connections/host-connection.ts';
import type { Dialer } from '../../agent/lanes.ts';
import type { Fault } from '../../mappings/generic/faults.ts';
import type { Endpoint } from '../../mappings/generic/platform.ts';
import { systemClock } from '../../runtime/clock.ts';
import { ConfigError, type HostConfig } from '../../runtime/config.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { silentLog } from '../../runtime/log.ts';
import { detectedUri } from '../detect.ts';
import { Unavailable } from '../exit-codes.ts';
import { dialerOf, platformOfUri } from '../hosts.ts';
import { lookAtSecret } from './files.ts';
import type { Finding } from './finding.ts';

const LOOK_MS = 5000;
const DAY_MS = 86_400_000;
/** Sessions, tasks and statistics carry the hosts' times. */
const SKEW_MOST_MS = 60_000;

export interface HostPlaces {
  readonly host: string;
  readonly user: string;
  readonly passwordFile: string;
  readonly fingerprint: string;
  readonly uri: string;
}

/** What a web server tells anyone: its certificate's end and its clock. undefined: nothing in time. */
const greet = (endpoint: Endpoint): Promise<{ endsMs: number; dateMs: number } | undefined> =>
  new Promise((resolve) => {
    const { host, port } = endpoint;
    // Nothing secret is sent: whose certificate it is is judged where the log-in is.
    const asked = request({
      host,
      port,
      method: 'HEAD',
      path: '/',
      rejectUnauthorized: false,
      timeout: LOOK_MS,
      agent: false,
    });
    asked.once('response', (response) => {
      const certificate = (response.socket as TLSSocket).getPeerCertificate();
      resolve({ endsMs: Date.parse(certificate.valid_to), dateMs: Date.parse(response.headers.date ?? '') });
      asked.destroy();
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.once('close', () => resolve(undefined));
    asked.end();
  });

const lookAtGreeting = async (name: string, endpoint: Endpoint, places: HostPlaces): Promise<Finding[]> => {
  if (endpoint.kind !== 'https') return [];
  const told = await greet(endpoint);
  if (told === undefined) return [];
  const findings: Finding[] = [];
  const nowMs = systemClock.now();
  const days = Math.floor((told.endsMs - nowMs) / DAY_MS);
  const skewMs = told.dateMs - nowMs;
  if (days < LIMITS.linkRenewDays)
    findings.push({
      level: 'warning',
      what: `host ${name}: its certificate ${days < 0 ? 'has ended' : `ends in ${days} days`}`,
      where: places.fingerprint,
      fix: 'renew it on the host; a new one has a new fingerprint',
    });
  if (Math.abs(skewMs) > SKEW_MOST_MS)
    findings.push({
      level: 'warning',
      what: `host ${name}: its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
      where: places.host,
      fix: 'set both by NTP',
    });
  return findings;
};

/** A socket file that may not be opened is the most frequent mistake of all, and its own message says least. */
const socketFix = (endpoint: Endpoint): Promise<string> =>
  new Promise((resolve) => {
    if (endpoint.kind !== 'unix' || endpoint.path === undefined)
      return resolve('is it up, and does this machine reach it?');
    const socket = dialSocket(endpoint.path, () => {
      socket.destroy();
      resolve('');
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(
        code === 'EACCES'
          ? "the user of this check may not open it: adduser USER with the socket's group"
          : 'is its daemon installed and running here?',
      ),
    );
  });

const lookAtFault = async (name: string, fault: Fault, dialer: Dialer, places: HostPlaces): Promise<Finding> => {
  const what = `host ${name}: ${fault.text.replaceAll(/\s+/g, ' ').trim()}`;
  if (fault.kind === 'invalid-login')
    return {
      level: 'error',
      what,
      where: places.user,
      fix: 'name the right user and password: hosts lock accounts out',
    };
  if (/fingerprint|certificate/.test(fault.text))
    return { level: 'error', what, where: places.fingerprint, fix: 'if it is the host, name its fingerprint' };
  const fix = /wrong version number/.test(what)
    ? 'no TLS is spoken there: another port?'
    : await socketFix(dialer.endpoint);
  return { level: 'error', what, where: places.uri, fix };
};

const AUTO = /^auto:\/\/([^/?#]*)\/?$/;

export const lookAtHost = async (named: HostConfig, places: HostPlaces): Promise<Finding[]> => {
  const { name, passwordFile } = named;
  const findings = passwordFile === undefined ? [] : lookAtSecret(passwordFile, places.passwordFile);
  try {
    const address = AUTO.exec(named.uri)?.[1];
    const host = address === undefined ? named : { ...named, uri: await detectedUri(address, silentLog) };
    const dialer = dialerOf(await platformOfUri(host.uri), host);
    // Without the password the log-in would be a bad one on the host's books.
    if (
      findings.some(({ what }) => what.startsWith(passwordFile ?? '') && /no such|cannot be read|holds no/.test(what))
    )
      return findings;
    const [opened, greeting] = await Promise.all([
      dial({ dialer, listens: false, clock: systemClock, log: silentLog }),
      lookAtGreeting(name, dialer.endpoint, places),
    ]);
    if (opened.ok) await opened.value.close('checked');
    else findings.push(await lookAtFault(name, opened.fault, dialer, places));
    findings.push(...greeting);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Unavailable)) throw error;
    findings.push({ level: 'error', what: error.message, where: places.uri, fix: '' });
  }
  return findings;
};
