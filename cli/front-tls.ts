/** A front of a checked configuration in, what its clients are shown and may speak out: a certificate of ours or the host's own from files, which are read anew when they change. */
import { createSecureContext } from 'node:tls';
import type { FrontTls } from '../agent/listener.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { watchKeyPair } from '../runtime/key-pair-files.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import type { KeyPair } from '../runtime/tls.ts';
import { suitesFor, type TlsWishes } from '../runtime/tls-suites.ts';
import type { FullConfig } from './flags.ts';

type FrontConfig = FullConfig['front'][number];

/** Throws what is wrong, as a mistake in the configuration. */
const well = <T>(says: (error: unknown) => string, act: () => T): T => {
  try {
    return act();
  } catch (error) {
    throw new ConfigError(says(error));
  }
};

/** One look-out for all fronts: from time to time, and on SIGHUP. */
const createLookOut = (): ((look: () => void) => () => void) => {
  const looks = new Set<() => void>();
  const all = (): void => {
    for (const look of looks) look();
  };
  let begun = false;
  return (look) => {
    looks.add(look);
    if (!begun) {
      begun = true;
      systemClock.every(LIMITS.certificateLookMs, all);
      process.on('SIGHUP', all);
    }
    return () => void looks.delete(look);
  };
};

/** Throws unless the front's files fit together and OpenSSL understands its settings. */
export const createFrontTls = (
  log: Log,
): ((config: FullConfig, front: FrontConfig, own: () => KeyPair) => FrontTls) => {
  const lookOut = createLookOut();
  return (config, front, own) => {
    const gate = config.gate.find(({ name }) => name === front.gate);
    const wishes: TlsWishes = {
      minVersion: front.tlsMinVersion ?? gate?.tlsMinVersion,
      ciphers: front.tlsCiphers ?? gate?.tlsCiphers,
    };
    const { certificateFile, keyFile } = front;
    const label = `front ${front.name ?? front.platform}`;
    well(
      () => `${label}: tlsCiphers "${wishes.ciphers}" is no list that OpenSSL understands`,
      () => createSecureContext(suitesFor(wishes)),
    );
    if (certificateFile === undefined || keyFile === undefined) return { ...wishes, ...own() };
    const files = well(
      (error) => `${label}: ${error instanceof Error ? error.message : String(error)}`,
      () => watchKeyPair(certificateFile, keyFile, log),
    );
    return {
      ...wishes,
      get certificate() {
        return files.certificate;
      },
      get key() {
        return files.key;
      },
      onRenewed: (listener) =>
        lookOut(() => {
          if (files.refresh()) listener();
        }),
    };
  };
};
