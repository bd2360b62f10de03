/** The request of a byte stream in, a HostStream out: the body flows between host and reader with back-pressure, past every gathering. */
import { PassThrough, type Readable } from 'node:stream';
import type { Pool } from 'undici';
import { type Fault, fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { HostStream, HttpAsk } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';

type Opened = Outcome<Record<string, unknown>>;

const faultOf = (status: number, path: string, at: string): Fault => {
  const text = `${at} answered ${status} to a transfer`;
  if (status === 404) return fault('file-not-found', { path }, text);
  if (status === 401) return fault('not-authenticated', { privilege: '' }, text);
  if (status === 403) return fault('no-permission', { privilege: '' }, text);
  if (status === 409) return fault('file-locked', { path }, text);
  if (status === 507) return fault('no-disk-space', { storage: '' }, text);
  return fault('host-communication', { host: at }, text);
};

/** Bytes that come before those asked for, when the host answers a range with the whole. */
const superfluous = (ask: HttpAsk, status: number): number => {
  const wanted = Object.entries(ask.headers).find(([name]) => name.toLowerCase() === 'range')?.[1];
  return status === 200 && wanted !== undefined ? Number(/^bytes=(\d+)-/.exec(wanted)?.[1] ?? 0) : 0;
};

const isFine = (status: number): boolean => status >= 200 && status < 300;

/** `end` cannot fail any more: what was told first stands. */
const ending = () => {
  const opened = Promise.withResolvers<Opened>();
  const finished = Promise.withResolvers<Outcome<undefined>>();
  const fail = (reason: Fault): void => {
    opened.resolve(refused(reason));
    finished.resolve(refused(reason));
  };
  return { opened, finished, fail };
};

export const refusedStream = (reason: Fault): HostStream => ({
  opened: Promise.resolve(refused(reason)),
  finished: Promise.resolve(refused(reason)),
  onChunk: () => {},
  pause: () => {},
  resume: () => {},
  write: () => {},
  drained: () => Promise.resolve(),
  end: () => {},
  abort: () => {},
});

const lost = (at: string, error: unknown): Fault =>
  fault('host-communication', { host: at }, `${at}: ${error instanceof Error ? error.message : String(error)}`);

const startRequest = (pool: Pool, ask: HttpAsk, body: PassThrough | undefined, signal: AbortSignal) =>
  pool.request({
    method: ask.method as 'GET',
    path: ask.path,
    headers: ask.headers,
    body: body ?? ask.body ?? null,
    signal,
    headersTimeout: body === undefined ? (ask.limitMs ?? LIMITS.hostCallMs) : 0,
    bodyTimeout: LIMITS.hostStreamIdleMs,
  });

const download = (pool: Pool, ask: HttpAsk, at: string): HostStream => {
  const { opened, finished, fail } = ending();
  const gone = new AbortController();
  let tell = (_bytes: Uint8Array): void => {};
  let source: Readable | undefined;
  let held = false;

  const flow = async (): Promise<void> => {
    const answer = await startRequest(pool, ask, undefined, gone.signal);
    if (!isFine(answer.statusCode)) {
      fail(faultOf(answer.statusCode, ask.path, at));
      gone.abort();
      answer.body.on('error', () => {});
      return;
    }
    source = answer.body;
    let skip = superfluous(ask, answer.statusCode);
    answer.body.on('data', (bytes: Buffer) => {
      if (skip >= bytes.length) skip -= bytes.length;
      else {
        const piece = skip > 0 ? bytes.subarray(skip) : bytes;
        skip = 0;
        tell(piece);
      }
    });
    if (held) answer.body.pause();
    answer.body.once('end', () => finished.resolve({ ok: true, value: undefined }));
    answer.body.on('error', (error) => fail(lost(at, error)));
    opened.resolve({ ok: true, value: { status: answer.statusCode, headers: answer.headers } });
  };
  flow().catch((error: unknown) => fail(lost(at, error)));

  return {
    opened: opened.promise,
    finished: finished.promise,
    onChunk: (listener) => {
      tell = listener;
    },
    pause: () => {
      held = true;
      source?.pause();
    },
    resume: () => {
      held = false;
      source?.resume();
    },
    write: () => {},
    drained: () => Promise.resolve(),
    end: () => {},
    abort: (reason) => {
      fail(fault('cancelled', {}, reason));
      gone.abort();
    },
  };
};

const upload = (pool: Pool, ask: HttpAsk, at: string): HostStream => {
  const { opened, finished, fail } = ending();
  const gone = new AbortController();
  const body = new PassThrough();
  body.on('error', () => {}); // told by the request
  let room: PromiseWithResolvers<void> | undefined;
  const release = (): void => {
    room?.resolve();
    room = undefined;
  };
  body.on('drain', release);
  void finished.promise.then(release);

  const flow = async (): Promise<void> => {
    const answer = await startRequest(pool, ask, body, gone.signal);
    if (isFine(answer.statusCode)) {
      await answer.body.dump({ limit: LIMITS.drainBodyBytes });
      finished.resolve({ ok: true, value: undefined });
      return;
    }
    fail(faultOf(answer.statusCode, ask.path, at));
    answer.body.on('error', () => {});
    gone.abort();
    body.destroy();
  };
  flow().catch((error: unknown) => fail(lost(at, error)));
  // The host answers when it has the body: until then only a refusal is heard.
  opened.resolve({ ok: true, value: {} });

  return {
    opened: opened.promise,
    finished: finished.promise,
    onChunk: () => {},
    pause: () => {},
    resume: () => {},
    write: (bytes) => {
      if (!body.destroyed) body.write(bytes);
    },
    drained: () => {
      if (body.destroyed || !body.writableNeedDrain) return Promise.resolve();
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    end: () => void body.end(),
    abort: (reason) => {
      fail(fault('cancelled', {}, reason));
      gone.abort();
      body.destroy();
    },
  };
};

export const openHttpStream = (pool: Pool, ask: HttpAsk, direction: 'download' | 'upload', at: string): HostStream =>
  direction === 'download' ? download(pool, ask, at) : upload(pool, ask, at);
