/** The dialling end of the link: addresses of servers in, tried in turn; one open channel, kept open, out. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { WebSocket } from 'ws';
import { LIMITS } from './limits.ts';
import type { Channel } from './link.ts';
import { formatLinkAddress, type LinkAddress, linkUrl } from './link-address.ts';
import { channelOf, type SocketChannel } from './link-channel.ts';
import { dialOptions, serialOfServer } from './link-tls.ts';
import { type Admission, AGENT_HEADER, CELL_HEADER, LINK_PATH, RELAY_PATH, type RelayFrom } from './link-ws.ts';
import type { Log } from './log.ts';
import { Secret } from './secret.ts';

/** One server: a name of the configuration may stand for several. */
interface Target {
  readonly address: LinkAddress;
  readonly ip: { readonly address: string; readonly family: number } | undefined;
}

interface Dialled {
  readonly channel: SocketChannel;
  /** Of the server's certificate. */
  readonly serial: string | undefined;
}

const SHOWN = 200;

/** One try. Rejects with why the other side is not reached or does not want us. */
const dialOnce = (
  { address, ip }: Target,
  admission: Admission,
  path: string,
  headers: Readonly<Record<string, string>>,
): { readonly opened: Promise<Dialled>; abandon(): void } => {
  const isSecret = admission instanceof Secret;
  const socket = new WebSocket(linkUrl(address, path), {
    ...(isSecret ? {} : dialOptions(admission)),
    headers: { ...headers, ...(isSecret ? { authorization: `Bearer ${admission.reveal()}` } : {}) },
    ...(ip === undefined
      ? {}
      : {
          lookup: (_, options, done) => (options.all === true ? done(null, [ip]) : done(null, ip.address, ip.family)),
        }),
    perMessageDeflate: false,
    maxPayload: LIMITS.linkMessageBytes,
    handshakeTimeout: LIMITS.linkSilenceMs,
  });
  const opened = new Promise<Dialled>((resolve, reject) => {
    let serial: string | undefined;
    socket.once('upgrade', (response) => {
      serial = serialOfServer(response.socket);
    });
    socket.once('unexpected-response', (request, response) => {
      reject(new Error(`refused: ${response.statusCode} ${response.statusMessage ?? ''}`.slice(0, SHOWN)));
      request.destroy();
    });
    socket.once('open', () => resolve({ channel: channelOf(socket), serial }));
    socket.on('error', reject);
  });
  return { opened, abandon: () => socket.terminate() };
};

/** Ends the channel when the certificate at its other end is taken back. */
const watchRevoked = (admission: Admission, { channel, serial }: Dialled): void => {
  if (admission instanceof Secret || serial === undefined) return;
  const stop = admission.onRevoked(() => {
    if (admission.isRevoked(serial)) channel.expel('the certificate is revoked');
  });
  channel.onClose(stop);
};

/** From one server to another, for an agent's cell there. */
export const dialRelay = async (address: LinkAddress, admission: Admission, from: RelayFrom): Promise<Channel> => {
  const headers = { [CELL_HEADER]: from.cell, ...(from.agent === undefined ? {} : { [AGENT_HEADER]: from.agent }) };
  const dialled = await dialOnce({ address, ip: undefined }, admission, RELAY_PATH, headers).opened;
  watchRevoked(admission, dialled);
  return dialled.channel;
};

/** Between half of it and all of it: agents that lost one server do not come back in one moment. */
const jittered = (waitMs: number, random: () => number): number => waitMs * (0.5 + random() / 2);

/** The servers behind an address: those of one name in an order by chance, so that its agents spread over them. */
const targetsOf = async (address: LinkAddress, random: () => number): Promise<Target[]> => {
  if (address.kind === 'unix' || isIP(address.host) !== 0) return [{ address, ip: undefined }];
  const ips = await lookup(address.host, { all: true });
  return ips
    .map((ip) => ({ at: random(), target: { address, ip } }))
    .sort((a, b) => a.at - b.at)
    .map(({ target }) => target);
};
const nameOf = ({ address, ip }: Target): string => `${formatLinkAddress(address)} ${ip?.address ?? ''}`;

/**
 * Opens the link to one of the servers and keeps it open: every time it comes up `up` gets a fresh channel. The one that was good last is
 * asked first, the others in their order; only when none is left there is a wait.
 */
export const dialLink = (
  addresses: LinkAddress | readonly LinkAddress[],
  admission: Admission,
  log: Log,
  up: (channel: Channel) => void,
  random: () => number = Math.random,
): { close(): void } => {
  let stopped = false;
  let waitMs: number = LIMITS.linkReconnectFirstMs;
  let timer: NodeJS.Timeout | undefined;
  let abandon = (): void => {};
  let said = '';
  let good = '';
  /** Not yet asked in this round. */
  let left: Target[] = [];

  const again = (why: string): void => {
    if (stopped) return;
    if (why !== said) log.warn({}, `link: server away: ${why}`);
    said = why;
    if (left.length > 0) return void next();
    timer = setTimeout(() => void next(), jittered(waitMs, random));
    waitMs = Math.min(waitMs * 2, LIMITS.linkReconnectMostMs);
  };
  const round = async (): Promise<Target[]> => {
    const found = await Promise.allSettled([addresses].flat().map((address) => targetsOf(address, random)));
    const all = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    const failed = found.find((one) => one.status === 'rejected');
    if (all.length === 0 && failed !== undefined) throw failed.reason;
    return [...all.filter((one) => nameOf(one) === good), ...all.filter((one) => nameOf(one) !== good)];
  };
  const next = async (): Promise<void> => {
    let target: Target | undefined;
    try {
      if (left.length === 0) left = await round();
      target = left.shift();
      if (target === undefined || stopped) return;
      const one = dialOnce(target, admission, LINK_PATH, {});
      abandon = one.abandon;
      const dialled = await one.opened;
      const name = nameOf(target);
      const openedMs = Date.now();
      watchRevoked(admission, dialled);
      dialled.channel.onClose((why) => {
        // One that was broken off at once says nothing good of the next.
        if (Date.now() - openedMs >= LIMITS.linkSteadyMs) {
          said = '';
          waitMs = LIMITS.linkReconnectFirstMs;
          good = name;
          left = [];
        }
        again(why);
      });
      up(dialled.channel);
    } catch (error) {
      again(error instanceof Error ? error.message : String(error));
    }
  };
  void next();
  return {
    close: () => {
      stopped = true;
      clearTimeout(timer);
      abandon();
    },
  };
};
