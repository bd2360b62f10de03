/** A checked configuration in, the options of the agent out: hosts and fronts loaded, accounts made ready. */

import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { AgentOptions } from '../agent/agent.ts';
import { tryPlaces } from '../agent/intake/sockets.ts';
import { type Account, createAccounts, hashPassword } from '../runtime/accounts.ts';
import { readAccounts, writeAccounts } from '../runtime/accounts-file.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import { makeSecret, type Secret } from '../runtime/secret.ts';
import type { FullConfig } from './flags.ts';
import { loadFronts } from './fronts.ts';
import { gatesOf } from './gates.ts';
import { handedSockets } from './handed-sockets.ts';
import { loadHosts } from './hosts.ts';
import { readPassword } from './password-file.ts';
import { withSharedPlaces } from './shared-places.ts';

export interface Credentials {
  readonly user: string;
  /** undefined: set by someone before and not known here. */
  readonly password: Secret | undefined;
  /** It was made now and must be shown, once. */
  readonly fresh: boolean;
}

const DEFAULT_USER = 'root';

/** Accounts of the configuration and of the state directory. */
export const knownAccounts = ({ account, state }: FullConfig): Account[] => [
  ...account,
  ...readAccounts(state).filter((one) => !account.some(({ name }) => name === one.name)),
];

/** The same, and the one that --user names or that is made at the first start. */
export const loadAccounts = async (config: FullConfig): Promise<{ accounts: Account[]; credentials: Credentials }> => {
  const all = knownAccounts(config);
  const user = config.user ?? all[0]?.name ?? DEFAULT_USER;
  const known = all.some((account) => account.name === user);
  if (config.passwordFile !== undefined) {
    const password = readPassword(config.passwordFile);
    const made: Account = {
      name: user,
      role: 'administrator',
      fullName: '',
      hash: await hashPassword(password.reveal()),
    };
    // For this run only: whoever can write the password file decides, and nothing of it is kept.
    return {
      accounts: [...all.filter(({ name }) => name !== user), made],
      credentials: { user, password, fresh: false },
    };
  }
  if (known) return { accounts: all, credentials: { user, password: undefined, fresh: false } };
  const password = makeSecret();
  const made: Account = {
    name: user,
    role: 'administrator',
    fullName: '',
    hash: await hashPassword(password.reveal()),
  };
  writeAccounts(config.state, [...readAccounts(config.state), made]);
  return { accounts: [...all, made], credentials: { user, password, fresh: true } };
};

export const makeStateFolder = (config: FullConfig): void => {
  mkdirSync(config.state, { recursive: true, mode: 0o700 });
};

export const agentOptions = async (
  written: FullConfig,
  log: Log,
): Promise<{ options: AgentOptions; credentials: Credentials }> => {
  const config = withSharedPlaces(written);
  makeStateFolder(config);
  if (config.host.length === 0)
    throw new ConfigError('no host is named: add --host URI, for example --host qemu:///system');
  const hosts = await loadHosts(config, log);
  const handed = handedSockets();
  const fronts = await loadFronts(config, hosts, handed, log);
  const { accounts, credentials } = await loadAccounts(config);
  return {
    options: {
      name: config.agent.name ?? 'agent',
      state: config.state,
      hosts,
      fronts,
      gates: gatesOf(config, fronts, handed),
      accounts: createAccounts(accounts),
      clock: systemClock,
      log,
    },
    credentials,
  };
};

/** For a program that is to take another's place: whether it can listen where that one does not. */
export const looking =
  ({ gates = [], fronts }: AgentOptions) =>
  (held: readonly AddressInfo[]): Promise<void> => {
    const own = fronts.filter(({ gate }) => gate === undefined);
    return tryPlaces([...gates, ...own.map((front) => ({ ...front, listen: [front.listen] }))], held);
  };
