/** The log-in flags of `detect` in; how a host that was found is dialled with them, and that a password is never sent in the clear, out. */
import type { DetectOptions } from '../agent/detect.ts';
import { ConfigError } from '../runtime/config.ts';
import type { Flags } from './flags.ts';
import { dialerOf, isReadOnTheWay } from './hosts.ts';
import { readPassword } from './password-file.ts';

export type LoginFlags = Pick<Flags, 'hostUser' | 'hostPasswordFile' | 'hostFingerprint'>;

/** undefined: no log-in was given. */
export const loginDialer = (name: string, flags: LoginFlags): DetectOptions['dialer'] => {
  const { hostUser: user, hostPasswordFile: passwordFile, hostFingerprint: fingerprint } = flags;
  if (user === undefined && passwordFile === undefined && fingerprint === undefined) return undefined;
  if (user === undefined || passwordFile === undefined)
    throw new ConfigError('--host-user and --host-password-file belong together, and --host-fingerprint to both');
  // A wrong path is told now, whatever is found.
  readPassword(passwordFile);
  return (platform, uri) => {
    const dialer = dialerOf(platform, { name, uri, user, passwordFile, fingerprint });
    if (!isReadOnTheWay(dialer)) return dialer;
    return {
      ...dialer,
      credentials: () => {
        throw new Error('it answers over plain HTTP alone, where a password could be read on the way');
      },
    };
  };
};
