/** The server as the programs use it: channels in, a running transform server with its admin endpoint out. */
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import type { Server as NetServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Acceptor } from '../agent/acceptor.ts';
import { handedAcceptor } from '../agent/intake/sockets.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import type { Accounts } from '../runtime/accounts.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { type Channel, type Link, openLink, UNLIMITED } from '../runtime/link.ts';
import type { LeveledLog } from '../runtime/log.ts';
import type { AgentApi, ServerApi } from '../runtime/protocol.ts';
import { readSecretFile, Secret } from '../runtime/secret.ts';
import { type KeyPair, loadOrMakeLeaf } from '../runtime/tls.ts';
import { createTraceSender } from '../runtime/trace-sender.ts';
import { openAdmin } from '../transform-server/admin/admin.ts';
import { startTelemetry } from '../transform-server/admin/telemetry.ts';
import type { Member } from '../transform-server/cells/member.ts';
import { createAdmission } from '../transform-server/exchanges/admission.ts';
import { type Attached, createServer, type Server } from '../transform-server/server.ts';
import { writeSnapshot } from '../transform-server/storage/backup.ts';
import { adminTokenPath, hasTls } from './admin-address.ts';
import { EXIT } from './exit-codes.ts';
import type { FullConfig } from './flags.ts';
import { freshPlatforms } from './generations.ts';
import { handedSockets } from './handed-sockets.ts';
import { startMember } from './member.ts';
import { refusedTakeOvers } from './succession.ts';
import { VERSION } from './version.ts';

export interface ServerHalf {
  readonly server: Pick<Server, 'handOver'>;
  readonly admin: { readonly url: string; readonly token: string };
  /** Set where this server is one of several: another one speaks for its agent. */
  readonly relay: Member['relay'] | undefined;
  /** Set where this server is one of several: whether there is another now. */
  readonly isAlone: (() => Promise<boolean>) | undefined;
  /** What another program may accept the admin endpoint's connections on. */
  readonly acceptor: NetServer;
  /** `agent`: its name, where its certificate says it. */
  accept(channel: Channel, agent?: string): void;
  close(): Promise<void>;
}

/** A secret both sides read from a file: made by whoever comes first. */
export const loadOrMakeToken = (path: string): Secret => {
  if (existsSync(path)) return readSecretFile(path);
  const token = new Secret(randomBytes(32).toString('base64url'));
  writeFileSync(`${path}.new`, `${token.reveal()}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return token;
};

export interface ServerHalfOptions {
  /** Of those who log in at the console. */
  readonly accounts: Accounts;
  /** The admin endpoint's, of the program before this one. */
  readonly acceptor?: Acceptor | undefined;
  /** Where it listens already, if others are to reach it. */
  readonly link?: Parameters<typeof startMember>[1] | undefined;
}

const adminTls = (config: FullConfig): KeyPair | undefined => {
  if (!hasTls(config)) return undefined;
  const names = new Set([config.admin.listen, hostname(), 'localhost', ...config.names]);
  return loadOrMakeLeaf(join(config.state, 'tls'), 'admin', [...names], Date.now());
};

export const startServer = async (
  config: FullConfig,
  log: LeveledLog,
  { accounts, acceptor, link }: ServerHalfOptions,
): Promise<ServerHalf> => {
  const options = {
    platforms: PLATFORMS,
    clock: systemClock,
    log,
    fresh: freshPlatforms,
    hostAgents: config.link.hosts,
    exchanges: config.admin.exchanges,
    program: fileURLToPath(new URL('..', import.meta.url)),
  };
  if (config.redis !== undefined && link === undefined)
    throw new ConfigError('[redis] is for `transvisor server`: agents are programs of their own then');
  const member = link === undefined ? undefined : await startMember(config, link, options, log);
  const onLost = (error: unknown): never => {
    log.error(
      { error },
      'the state directory cannot be written; the program ends, to begin again with what is on disk',
    );
    process.exit(EXIT.unavailable);
  };
  const server = member ?? createServer({ ...options, stateDir: config.state, onLost });
  try {
    const token = loadOrMakeToken(adminTokenPath(config)).reveal();
    const { listen, port, socket } = config.admin;
    const handed = socket === undefined ? undefined : { name: socket, fds: handedSockets().get(socket) ?? [] };
    const admin = await openAdmin({
      version: VERSION,
      inspected: server.inspected,
      reload: server.reload,
      takeOver: { ask: () => process.kill(process.pid, 'SIGUSR2'), refused: refusedTakeOvers },
      backup: () => writeSnapshot(config.state, server.backup),
      token,
      accounts,
      tls: adminTls(config),
      clock: systemClock,
      log,
      logLevel: log,
      config,
      address: listen,
      port,
      acceptor: acceptor ?? (handed && (await handedAcceptor(handed))),
    });
    const { otlp, tokenFile } = config.telemetry;
    const telemetry =
      otlp === undefined
        ? undefined
        : startTelemetry({
            inspected: server.inspected,
            sender: createTraceSender({
              url: otlp,
              token: tokenFile === undefined ? undefined : readSecretFile(tokenFile),
              instance: config.server.name ?? hostname(),
              clock: systemClock,
              log,
            }),
            clock: systemClock,
          });
    const links = new Set<Link<AgentApi>>();
    const admission = createAdmission({ random: randomBytes, clock: systemClock, log });
    return {
      server,
      relay: member?.relay,
      isAlone: member?.isAlone,
      admin: { url: admin.url, token },
      acceptor: admin.acceptor,
      accept: (channel, certified) => {
        if (admission.bars(certified)) return channel.close('not yet again');
        let attached: Attached | undefined;
        const attach = (agent: AgentApi): ServerApi => {
          attached = server.attach(agent, certified, (why) => channel.close(why));
          return attached.api;
        };
        const link = openLink<AgentApi>(
          (remote) => admission.admit({ remote, name: certified, attach, end: (why) => channel.close(why) }),
          channel,
          { log, unlimited: UNLIMITED },
        );
        links.add(link);
        void link.closed.then(() => {
          links.delete(link);
          attached?.left();
        });
      },
      close: async () => {
        await admin.close();
        await telemetry?.close();
        for (const link of links) link.close('the server is ending');
        await server.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
};
