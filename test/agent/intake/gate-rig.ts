/** A gate on loopback with fronts that answer with their name and their client's address, and clients of it. */
import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { afterEach, beforeAll } from 'vitest';
import type { ChosenFront } from '../../../agent/intake/choice.ts';
import { type Gate, type GateConfig, openGate } from '../../../agent/intake/gate.ts';
import { createPassage } from '../../../agent/intake/passage.ts';
import { openListener } from '../../../agent/listener.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { type Log, silentLog } from '../../../runtime/log.ts';
import { type KeyPair, makeCa, makeLeaf } from '../../../runtime/tls.ts';
import { answering, claiming } from '../answering-front.ts';

export const GET = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const names = ['a', 'b', 'c', 'beyond'] as const;
/** By front. */
export let pairs: Readonly<Record<string, KeyPair>>;
beforeAll(() => {
  const ca = makeCa(Date.now());
  pairs = Object.fromEntries(names.map((name) => [name, makeLeaf(ca, [`${name}.certificate`], Date.now())]));
});

const opened: (() => unknown)[] = [];
export const atEnd = (close: () => unknown): void => void opened.push(close);
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

export interface Rig {
  readonly gate: Gate;
  readonly lines: string[];
}
export type FrontInput = Pick<ChosenFront, 'name' | 'at'> & { readonly secure?: boolean; readonly api?: string };

/** Each front answers with its name and its client's address. */
export const openServed = async (
  fronts: readonly FrontInput[],
  config: Partial<GateConfig> = {},
  clock = systemClock,
  serve = true,
): Promise<Rig & { readonly serve: () => void }> => {
  const lines: string[] = [];
  const note = (fields: { readonly address?: string }, text: string): void =>
    void lines.push(`${text} (${fields.address})`);
  const log: Log = { ...silentLog, info: note, warn: note, error: note };
  const passage = createPassage({ clock, log });
  const chosen = fronts.map((front) => ({ secure: true, api: 'x', ...front }));
  const gate = await openGate({
    config: { name: 'g', listen: ['127.0.0.1'], port: 0, ...config },
    fronts: chosen,
    passage,
    clock,
    log,
  });
  opened.push(() => {
    gate.close();
    passage.close();
  });
  const places = await Promise.all(
    [...gate.entrances].map(async ([names, source]) => {
      const here = chosen.filter(({ name }) => names.includes(name));
      const tls = here[0]?.secure === true ? pairs[here[0].name] : undefined;
      return { here, listener: await openListener({ address: '', port: 0, tls, source, log: silentLog }) };
    }),
  );
  opened.push(() => Promise.all(places.map(({ listener }) => listener.close())));
  const serveAll = (): void => {
    for (const { here, listener } of places)
      listener.serve(
        here.map(({ name, api }) => claiming(name, api)),
        answering((client, { instance }) => `${instance.name} ${client.address}`),
      );
  };
  if (serve) serveAll();
  return { gate, lines, serve: serveAll };
};

export type Heard = Socket & { said: string; error: string };
export const hear = (socket: Socket): Heard => {
  const heard = Object.assign(socket, { said: '', error: '' });
  socket.on('data', (bytes) => {
    heard.said += bytes.toString('latin1');
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    heard.error = error.code ?? error.message;
  });
  opened.push(() => socket.destroy());
  return heard;
};
/** Whether with an error or without. */
export const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
export const dial = (port: number, host = '127.0.0.1'): Heard => hear(connect({ port, host }));
export const said = async (socket: Heard): Promise<string> => {
  await closed(socket);
  return socket.said.split('\r\n\r\n')[1] ?? '';
};

/** The front that answers, its client's address, and whose certificate was shown. */
export const overTls = async (
  port: number,
  options: ConnectionOptions & { readonly before?: Buffer } = {},
): Promise<{ readonly body: string; readonly certificate: string; readonly error: string }> => {
  const { before, host = '127.0.0.1', ...rest } = options;
  const raw = connect(port, host);
  if (before !== undefined) raw.write(before);
  const secure = tlsConnect({ socket: raw, rejectUnauthorized: false, ...rest });
  const socket = hear(secure);
  let certificate = '';
  secure.once('secureConnect', () => {
    certificate = String(secure.getPeerCertificate().subject.CN);
    socket.write(GET('x'));
  });
  await closed(socket);
  return { body: socket.said.split('\r\n\r\n')[1] ?? '', certificate, error: socket.error };
};
export const overHttp = (port: number, host: string, at = '127.0.0.1'): Promise<string> => {
  const socket = dial(port, at);
  socket.write(GET(host));
  return said(socket);
};
/** On a free port until the test ends. */
export const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => server.close());
  const at = server.address();
  return typeof at === 'object' ? (at?.port ?? 0) : 0;
};
