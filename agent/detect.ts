/** An address in; which of the registry's APIs answer there, in which version and at which URI, out. Nothing is changed, and a log-in is for a host that was found. */
import type { Detected, Detection, Platform } from '../mappings/generic/platform.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { openConnection } from './connections/connection.ts';
import { dial } from './connections/host-connection.ts';
import { textOf } from './connections/http.ts';
import { talkOver } from './connections/http-talk.ts';
import type { Dialer } from './lanes.ts';

export interface Finding extends Detected {
  readonly platform: string;
  readonly title: string;
  /** SHA-256 of the certificate it shows, '' without TLS. */
  readonly fingerprint: string;
  /** Why a host that was to be logged in to did not tell more. */
  readonly refused?: string;
}

export interface DetectOptions {
  /** Host name or address, with a port or without; '': this machine. */
  readonly address: string;
  readonly platforms: readonly Platform[];
  /** With a log-in: how a host that was found, and tells more in a session, is dialled. */
  readonly dialer?: ((platform: Platform, uri: string) => Dialer) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly limitMs?: number;
}

const LIMIT_MS = 5000;

type Found = Detected & { readonly fingerprint: string };

const overHttp = async (
  detection: Detection,
  platform: Platform,
  uri: string,
  limitMs: number,
): Promise<Found | undefined> => {
  const reached = platform.converse?.(uri);
  if (reached?.ok !== true || detection.greet === undefined) return undefined;
  const { value, fingerprint } = await talkOver(reached.value.endpoint, detection.greet(uri), limitMs);
  return value && { ...value, fingerprint };
};

const overStream = async (
  detection: Detection,
  platform: Platform,
  uri: string,
  { clock, log, limitMs }: { clock: Clock; log: Log; limitMs: number },
): Promise<Found | undefined> => {
  const reached = platform.connect?.(uri);
  if (reached?.ok !== true || detection.identify === undefined) return undefined;
  const { endpoint, open } = reached.value;
  const opened = await openConnection({ endpoint, transport: open(), clock, log, openLimitMs: limitMs });
  if (!opened.ok) return undefined;
  const { transport, close } = opened.value;
  try {
    const found = await detection.identify(uri, (procedure, args) => transport.call(procedure, args));
    return found && { ...found, fingerprint: '' };
  } finally {
    await close();
  }
};

/** What `found` tells in a session, which is ended. */
const inSession = async (
  found: Found,
  platform: Platform,
  { dialer, clock, log }: DetectOptions,
): Promise<Found & Pick<Finding, 'refused'>> => {
  const ask = platform.detection?.inSession;
  if (dialer === undefined || ask === undefined) return found;
  const opened = await dial({ dialer: dialer(platform, found.uri), listens: false, clock, log });
  if (!opened.ok) return { ...found, refused: opened.fault.text };
  const { call, close } = opened.value;
  try {
    const told = await ask(call);
    return told.ok ? { ...found, ...told.value } : { ...found, refused: told.fault.text };
  } catch (error) {
    return { ...found, refused: textOf(error) };
  } finally {
    await close('it has told what it is');
  }
};

/** All that answer, in the registry's order; of one API the likeliest place only. */
export const detect = async (options: DetectOptions): Promise<Finding[]> => {
  const { address, platforms, clock, log, limitMs = LIMIT_MS } = options;
  const lookFor = async (platform: Platform): Promise<Finding | undefined> => {
    const { detection, name, title } = platform;
    if (detection === undefined) return undefined;
    const looked = await Promise.all(
      detection.uris(address).map(async (uri) => {
        try {
          return (
            (await overHttp(detection, platform, uri, limitMs)) ??
            (await overStream(detection, platform, uri, { clock, log, limitMs }))
          );
        } catch (error) {
          log.debug({ host: uri, error }, 'nothing of this API answers');
          return undefined;
        }
      }),
    );
    const found = looked.find((one) => one !== undefined);
    return found && { platform: name, title, ...(await inSession(found, platform, options)) };
  };
  const found = await Promise.all(platforms.map(lookFor));
  return found.filter((one) => one !== undefined);
};
