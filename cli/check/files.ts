/** Files and folders a program needs in; what about their presence, rights, room and validity hinders it, out. */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LIMITS } from '../../runtime/limits.ts';
import { readSecretFile } from '../../runtime/secret.ts';
import { holdersOf } from '../state-holders.ts';
import type { Finding } from './finding.ts';

const DAY_MS = 86_400_000;
const LITTLE_ROOM_BYTES = 256 * 1024 * 1024;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A secret that others on this machine can read is none. */
export const lookAtMode = (path: string, where: string, stat: Stats = statSync(path)): Finding[] => {
  const others = stat.mode & (stat.isDirectory() ? 0o007 : 0o006);
  if (others === 0) return [];
  const can = (others & 0o002) === 0 ? 'read' : 'write';
  return [
    {
      level: 'error',
      what: `${path} can be ${can === 'read' ? 'read' : 'written'} by every user of this machine`,
      where,
      fix: `chmod o-rwx ${path}`,
    },
  ];
};

/** The file of a password or token. */
export const lookAtSecret = (path: string, where: string): Finding[] => {
  try {
    readSecretFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what =
      code === 'ENOENT'
        ? `${path}: no such file`
        : code === 'EACCES'
          ? `${path} cannot be read by the user of this check`
          : messageOf(error);
    return [
      { level: 'error', what, where, fix: code === 'EACCES' ? `let the program's user read it, and no other` : '' },
    ];
  }
  return lookAtMode(path, where);
};

/** Of a certificate or the first of several, PEM. */
export const lookAtValidity = (path: string, where: string, nowMs: number, fix: string): Finding[] => {
  if (!existsSync(path)) return [];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(path));
  } catch (error) {
    return [{ level: 'error', what: `${path} holds no certificate: ${messageOf(error)}`, where, fix }];
  }
  const begins = Date.parse(certificate.validFrom);
  const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS);
  if (begins > nowMs)
    return [
      { level: 'error', what: `${path} is not valid before ${certificate.validFrom}`, where, fix: 'see to the clock' },
    ];
  if (days < 0) return [{ level: 'error', what: `${path} has ended on ${certificate.validTo}`, where, fix }];
  return days < LIMITS.linkRenewDays ? [{ level: 'warning', what: `${path} ends in ${days} days`, where, fix }] : [];
};

export interface StateLook {
  readonly findings: readonly Finding[];
  /** The program runs on it already: its ports are in use, and should be. */
  readonly isRunning: boolean;
}

const canWrite = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const NOWHERE = { isRunning: false };

const lookAtMissing = (state: string, where: string): Finding[] => {
  let above = dirname(state);
  while (!existsSync(above)) above = dirname(above);
  if (canWrite(above)) return [];
  const what = `the state directory ${state} cannot be made in ${above}`;
  return [{ level: 'error', what, where, fix: "make it, for the program's user" }];
};

export const lookAtState = (state: string, where: string): StateLook => {
  const stat = statSync(state, { throwIfNoEntry: false });
  if (stat === undefined) return { ...NOWHERE, findings: lookAtMissing(state, where) };
  if (!stat.isDirectory())
    return { ...NOWHERE, findings: [{ level: 'error', what: `${state} is no directory`, where, fix: '' }] };
  const findings = lookAtMode(state, where, stat);
  if (!canWrite(state)) {
    const what = `the state directory ${state} cannot be written by the user of this check`;
    findings.push({ level: 'error', what, where, fix: "run the check as the program's user" });
    return { ...NOWHERE, findings };
  }
  const { bavail, bsize } = statfsSync(state);
  if (bavail * bsize < LITTLE_ROOM_BYTES) {
    const what = `${state} has room for ${Math.floor((bavail * bsize) / 1024 / 1024)} MiB only`;
    findings.push({ level: 'warning', what, where, fix: 'without room no change is accepted' });
  }
  const holders = holdersOf(state);
  for (const { pid, command } of holders)
    findings.push({
      level: 'warning',
      what: `${state} is in use by pid ${pid}: ${command}`,
      where,
      fix: 'its ports were not tried; no second program starts on this directory',
    });
  return { findings, isRunning: holders.length > 0 };
};
