/** The client of the bench: a plain socket that writes a request and finds the end of the answer, parsing nothing of it. */
import { createConnection, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly bytes: number;
  readonly text: string;
  readonly cookie: string | undefined;
};

type Asked = {
  readonly keep: boolean;
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
};

export type RawHttp = {
  /** `keep`: give the body as text; otherwise its bytes are counted and dropped. */
  readonly post: (body: string, keep?: boolean) => Promise<RawAnswer>;
  cookie: string | undefined;
  readonly close: () => void;
};

const HEAD_LIMIT = 65_536;

/** Walks HTTP/1.1 framing: a head, then a body by length or in chunks. */
const createFramer = (done: (answer: RawAnswer) => void, keeps: () => boolean): ((part: Buffer) => void) => {
  let head = '';
  let state: 'head' | 'length' | 'size' | 'chunk' | 'trailer' = 'head';
  let left = 0;
  let line = '';
  let bytes = 0;
  let status = 0;
  let cookie: string | undefined;
  let kept: Buffer[] = [];
  const finish = (): void => {
    const answer = { status, bytes, text: Buffer.concat(kept).toString('utf8'), cookie };
    head = '';
    line = '';
    state = 'head';
    bytes = 0;
    kept = [];
    cookie = undefined;
    done(answer);
  };
  const take = (part: Buffer, at: number): number => {
    const end = Math.min(part.length, at + left);
    bytes += end - at;
    if (keeps()) kept.push(part.subarray(at, end));
    left -= end - at;
    return end;
  };
  return (part) => {
    let at = 0;
    while (at < part.length) {
      if (state === 'head') {
        const from = head.length;
        head += part.toString('latin1', at, Math.min(part.length, at + HEAD_LIMIT));
        const end = head.indexOf('\r\n\r\n', Math.max(0, from - 3));
        if (end < 0) {
          if (head.length > HEAD_LIMIT) throw new Error('the head of the answer is too long');
          return;
        }
        at += end + 4 - from;
        head = head.slice(0, end);
        status = Number(head.slice(9, 12));
        cookie = /^set-cookie: (vmware_soap_session=[^;\r]*)/im.exec(head)?.[1];
        const length = /^content-length: (\d+)/im.exec(head)?.[1];
        left = Number(length ?? 0);
        state = length === undefined ? 'size' : 'length';
        if (state === 'length' && left === 0) finish();
      } else if (state === 'length') {
        at = take(part, at);
        if (left === 0) finish();
      } else if (state === 'size' || state === 'trailer') {
        const end = part.indexOf(10, at);
        line += part.toString('latin1', at, end < 0 ? part.length : end);
        if (end < 0) return;
        at = end + 1;
        const text = line.trim();
        line = '';
        if (state === 'trailer') {
          if (text === '') finish();
        } else if (text !== '') {
          left = Number.parseInt(text, 16);
          state = left === 0 ? 'trailer' : 'chunk';
        }
      } else {
        at = take(part, at);
        if (left === 0) state = 'size';
      }
    }
  };
};

export const openRaw = async (url: string, cookie?: string): Promise<RawHttp> => {
  const { hostname, port, pathname, protocol } = new URL(url);
  if (protocol !== 'http:') throw new Error(`the bench talks plain HTTP, not ${protocol}`);
  const socket: Socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let asked: Asked | undefined;
  const client: RawHttp = {
    cookie,
    post: (body, keep = false) =>
      new Promise((resolve, reject) => {
        if (asked !== undefined) return reject(new Error('one request at a time'));
        asked = { keep, resolve, reject };
        const head = `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: text/xml; charset="utf-8"\r\nSOAPAction: urn:vim25/6.5\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${client.cookie === undefined ? '' : `Cookie: ${client.cookie}\r\n`}\r\n`;
        socket.write(head + body);
      }),
    close: () => socket.destroy(),
  };
  const framer = createFramer(
    (answer) => {
      const { resolve } = asked ?? {};
      asked = undefined;
      if (answer.cookie !== undefined) client.cookie = answer.cookie;
      resolve?.(answer);
    },
    () => asked?.keep === true,
  );
  const fail = (error: Error): void => {
    asked?.reject(error);
    asked = undefined;
  };
  socket.on('data', (part: Buffer) => {
    try {
      framer(part);
    } catch (error) {
      fail(error as Error);
      socket.destroy();
    }
  });
  socket.once('error', fail);
  socket.once('close', () => fail(new Error('the server closed the connection')));
  return client;
};
