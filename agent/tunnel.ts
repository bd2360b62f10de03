/** A client's connection and a stream of its host in, bytes both ways between them until one side ends; raw, or as WebSocket messages (RFC 6455). */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HostStream, StreamTarget } from '../mappings/generic/platform.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Client } from './client.ts';
import { fieldText } from './http/answer-head.ts';

export type TunnelTarget = Extract<StreamTarget, { kind: 'tunnel' }>;

const gone = (): Outcome<never> => refused(fault('cancelled', {}, 'the client is gone'));

/** Bytes from the host to `give`, which tells whether there is room, and wakes `resume` when there is again. */
const pullFrom = (stream: HostStream, give: (bytes: Uint8Array) => boolean): void => {
  stream.onChunk((bytes) => {
    if (!give(bytes)) stream.pause();
  });
};

const raw = (client: Client, target: TunnelTarget, stream: HostStream): Promise<Outcome<undefined>> => {
  const { socket, early } = client.takeOver();
  let head = `HTTP/1.1 ${target.status} OK\r\n`;
  for (const [name, value] of Object.entries(target.headers)) head += fieldText(name, value);
  socket.write(`${head}\r\n`, 'latin1');
  pullFrom(stream, (bytes) => socket.write(bytes));
  socket.on('drain', () => stream.resume());
  if (early.length > 0) stream.write(early);
  socket.on('data', (bytes: Buffer) => {
    stream.write(bytes);
    socket.pause();
    void stream.drained().then(() => socket.resume());
  });
  socket.on('end', () => stream.end());
  socket.resume();
  return new Promise((resolve) => {
    socket.on('close', () => {
      stream.abort('the client is gone');
      resolve(gone());
    });
    void stream.finished.then((outcome) => {
      socket.end();
      resolve(outcome);
    });
    if (socket.destroyed) resolve(gone());
  });
};

const bytesOf = (data: RawData): Uint8Array =>
  Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data;

const overMessages = (socket: WebSocket, stream: HostStream): Promise<Outcome<undefined>> => {
  pullFrom(stream, (bytes) => {
    socket.send(bytes, { binary: true }, () => {
      if (socket.bufferedAmount < LIMITS.clientHighWaterBytes) stream.resume();
    });
    return socket.bufferedAmount < LIMITS.clientHighWaterBytes;
  });
  socket.on('message', (data) => {
    stream.write(bytesOf(data));
    socket.pause();
    void stream.drained().then(() => socket.resume());
  });
  return new Promise((resolve) => {
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      stream.abort('the client is gone');
      resolve(gone());
    });
    void stream.finished.then((outcome) => {
      socket.close(outcome.ok ? 1000 : 1011);
      resolve(outcome);
    });
  });
};

/** The wanted member of `ws`: its server reads method, url and headers alone, and answers a bad handshake by itself. */
const handshake = (
  client: Client,
  target: TunnelTarget,
  socket: Socket,
  early: Buffer,
): Promise<WebSocket | undefined> => {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.tunnelMessageBytes,
    handleProtocols: (offered) => target.protocols.find((name) => offered.has(name)) ?? false,
  });
  const { head } = client;
  const url = head.query === '' ? head.path : `${head.path}?${head.query}`;
  const request = { method: head.method, url, headers: head.headers, socket } as unknown as IncomingMessage;
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(request, socket, early, (made) => resolve(made));
    if (socket.destroyed) resolve(undefined);
  });
};

/** The stream is open: from here on the connection is no longer one of HTTP. */
export const runTunnel = async (
  client: Client,
  target: TunnelTarget,
  stream: HostStream,
  isMessages: boolean,
): Promise<Outcome<undefined>> => {
  if (!isMessages) return raw(client, target, stream);
  // The host may speak first: what it says waits for the handshake.
  stream.pause();
  const { socket, early } = client.takeOver();
  const made = await handshake(client, target, socket, early);
  if (made === undefined) {
    stream.abort('the client made no WebSocket of it');
    return gone();
  }
  const ended = overMessages(made, stream);
  // It came paused, and listening alone does not set it going again.
  socket.resume();
  stream.resume();
  return ended;
};
