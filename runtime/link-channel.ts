/** A WebSocket in, a channel of whole messages with bounded queues out. */
import { WebSocket } from 'ws';
import { LIMITS } from './limits.ts';
import { type Channel, LinkDown } from './link.ts';

/** The close code of a peer that may not stay. */
const EXPELLED = 1008;

export interface SocketChannel extends Channel {
  /** Closes at once on this side, and tells the other one why. */
  expel(reason: string): void;
}

/** A WebSocket as a channel: pings find a silent peer, senders wait above the mark, an overfull queue breaks off. */
export const channelOf = (socket: WebSocket): SocketChannel => {
  let closedBy: string | undefined;
  let lastHeardMs = Date.now();
  const closers: ((reason: string) => void)[] = [];
  const early: Uint8Array[] = [];
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let room: (() => void)[] = [];

  const freeRoom = (): void => {
    if (socket.bufferedAmount >= LIMITS.linkHighWaterBytes && closedBy === undefined) return;
    const waiters = room;
    room = [];
    for (const go of waiters) go();
  };
  const ended = (reason: string): void => {
    if (closedBy !== undefined) return;
    closedBy = reason;
    clearInterval(pulse);
    freeRoom();
    for (const closer of closers.splice(0)) closer(reason);
  };
  const close = (reason: string): void => {
    socket.terminate();
    ended(reason);
  };
  const pulse = setInterval(() => {
    if (Date.now() - lastHeardMs > LIMITS.linkSilenceMs) close('the other side is silent');
    else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, LIMITS.linkPingMs);
  pulse.unref();

  socket.on('pong', () => {
    lastHeardMs = Date.now();
  });
  socket.on('ping', () => {
    lastHeardMs = Date.now();
  });
  socket.on('message', (data, binary) => {
    lastHeardMs = Date.now();
    if (closedBy !== undefined) return;
    if (!binary || !Buffer.isBuffer(data)) return close('a message that is not binary');
    if (listener === undefined) early.push(data);
    else listener(data);
  });
  socket.on('close', (code, why) => ended(code === EXPELLED ? `refused: ${why.toString('utf8')}` : `closed (${code})`));
  socket.on('error', (error) => ended(error.message));
  return {
    send: (bytes) => {
      if (closedBy !== undefined || socket.readyState !== WebSocket.OPEN) {
        throw new LinkDown(`the link is closed: ${closedBy ?? 'closing'}`);
      }
      socket.send(bytes, { binary: true }, freeRoom);
      if (socket.bufferedAmount > LIMITS.linkQueueBytes) return close('the queue of the link is full');
      if (socket.bufferedAmount < LIMITS.linkHighWaterBytes) return undefined;
      return new Promise<void>((resolve) => room.push(resolve));
    },
    onMessage: (to) => {
      listener = to;
      for (const bytes of early.splice(0)) to(bytes);
    },
    onClose: (to) => {
      if (closedBy === undefined) closers.push(to);
      else to(closedBy);
    },
    close,
    expel: (reason) => {
      socket.close(EXPELLED, reason);
      setTimeout(() => socket.terminate(), LIMITS.linkFarewellMs).unref();
      ended(reason);
    },
  };
};
