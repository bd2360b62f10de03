/** Transfers to and from hosts over HTTP, judged against a small web server: ranges, back-pressure, refusals, broken ends. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dial, type HostConnection } from '../../../agent/connections/host-connection.ts';
import { openLanes } from '../../../agent/lanes.ts';
import type { Outcome } from '../../../mappings/generic/faults.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { dialerTo, dialOptions, serveWeb } from './web-host.ts';

const fine = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value;
};
const connect = async (port: number): Promise<HostConnection> => fine(await dial(dialOptions(dialerTo(port))));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const LARGE = randomBytes(8 * 1024 * 1024);

describe('downloads', () => {
  it('arrive whole and in order, while calls go on beside them', async () => {
    await using host = await serveWeb((request, response) => response.end(request.url === '/file' ? LARGE : 'call'));
    const connection = await connect(host.port);
    const stream = connection.stream('/file', {}, 'download');
    const hash = createHash('sha256');
    stream.onChunk((bytes) => hash.update(bytes));
    expect(fine(await stream.opened)).toMatchObject({ status: 200 });
    expect(fine(await connection.call('echo', {}))).toMatchObject({ text: 'call' });
    fine(await stream.finished);
    expect(hash.digest('hex')).toBe(sha256(LARGE));
    await connection.close();
  });

  it('wait for a slow reader', async () => {
    let sentBytes = 0;
    await using host = await serveWeb((_, response) => {
      let at = 0;
      const more = (): void => {
        while (at < LARGE.length) {
          const piece = LARGE.subarray(at, at + 65_536);
          at += piece.length;
          sentBytes += piece.length;
          if (!response.write(piece)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const connection = await connect(host.port);
    const stream = connection.stream('/file', {}, 'download');
    let gotBytes = 0;
    stream.onChunk((bytes) => {
      gotBytes += bytes.length;
      stream.pause();
    });
    fine(await stream.opened);
    await delay(200);
    const heldAt = gotBytes;
    await delay(100);
    expect(gotBytes).toBe(heldAt);
    expect(gotBytes).toBeLessThan(LARGE.length / 4);
    expect(sentBytes).toBeLessThan(LARGE.length);
    stream.onChunk((bytes) => {
      gotBytes += bytes.length;
    });
    stream.resume();
    fine(await stream.finished);
    expect(gotBytes).toBe(LARGE.length);
    await connection.close();
  });

  it('leave out what comes before a range that the host ignored', async () => {
    await using host = await serveWeb((_, response) => response.end(LARGE));
    const connection = await connect(host.port);
    const stream = connection.stream('/file', { headers: { range: 'bytes=1000000-' } }, 'download');
    const pieces: Uint8Array[] = [];
    stream.onChunk((bytes) => pieces.push(bytes.slice()));
    fine(await stream.finished);
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(LARGE.subarray(1_000_000)));
    await connection.close();
  });

  it('tell what is not there, what is refused before it is asked for, and what breaks off', async () => {
    await using host = await serveWeb((request, response) => {
      if (request.url === '/absent') return void response.writeHead(404).end('no');
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    const connection = await connect(host.port);
    expect(await connection.stream('/absent', {}, 'download').opened).toMatchObject({
      ok: false,
      fault: { kind: 'file-not-found' },
    });
    expect(await connection.stream('refuse', {}, 'download').finished).toMatchObject({
      ok: false,
      fault: { kind: 'not-supported' },
    });
    const broken = connection.stream('/broken', {}, 'download');
    fine(await broken.opened);
    expect(await broken.finished).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
    await connection.close();
  });

  it('are gathered up to a bound', async () => {
    await using host = await serveWeb((_, response) => response.end(LARGE.subarray(0, 100_000)));
    const lanes = fine(
      await openLanes({
        dialer: dialerTo(host.port),
        host: 'h',
        counts: { read: 1, work: 1 },
        clock: systemClock,
        log: silentLog,
        onEvent: () => {},
      }),
    );
    expect(sha256(fine(await lanes.send.gather('/file', {}, 100_000)))).toBe(sha256(LARGE.subarray(0, 100_000)));
    expect(await lanes.send.gather('/file', {}, 99_999)).toMatchObject({ ok: false, fault: { kind: 'too-many' } });
    // No connection of their own: two log-ins for two lanes, none for two transfers.
    expect(host.seen.filter((line) => line.startsWith('POST /login'))).toHaveLength(2);
    await lanes.close();
  });
});

describe('uploads', () => {
  it('arrive whole, with back-pressure', async () => {
    let got = '';
    await using host = await serveWeb((_, response, body) => {
      got = sha256(body);
      response.writeHead(201).end();
    });
    const connection = await connect(host.port);
    const stream = connection.stream('/file', { headers: { 'content-length': String(LARGE.length) } }, 'upload');
    fine(await stream.opened);
    for (let at = 0; at < LARGE.length; at += 65_536) {
      stream.write(LARGE.subarray(at, at + 65_536));
      await stream.drained();
    }
    stream.end();
    fine(await stream.finished);
    expect(got).toBe(sha256(LARGE));
    await connection.close();
  });

  it('wait for a slow host and hear its refusal in the middle', async () => {
    await using host = await serveWeb(
      () => {},
      undefined,
      (request, response) => {
        request.pause();
        setTimeout(() => response.writeHead(507, { connection: 'close' }).end('full'), 150);
      },
    );
    const connection = await connect(host.port);
    const stream = connection.stream('/raw/file', {}, 'upload');
    let over = false;
    void stream.finished.then(() => {
      over = true;
    });
    let sentBytes = 0;
    while (!over) {
      stream.write(LARGE.subarray(0, 65_536));
      sentBytes += 65_536;
      await stream.drained();
      if (sentBytes > 200 * LARGE.length) throw new Error('nothing holds the writer');
    }
    expect(await stream.finished).toMatchObject({ ok: false });
    await connection.close();
  });

  it('are broken off when the writer gives up', async () => {
    const ends: string[] = [];
    await using host = await serveWeb(
      () => {},
      undefined,
      (request) => {
        request.on('aborted', () => ends.push('aborted'));
        request.on('end', () => ends.push('whole'));
        request.on('error', () => {});
        request.resume();
      },
    );
    const connection = await connect(host.port);
    const stream = connection.stream('/raw/file', {}, 'upload');
    stream.write(Buffer.from('half'));
    await delay(50);
    stream.abort('the client is gone');
    expect(await stream.finished).toMatchObject({ ok: false, fault: { kind: 'cancelled' } });
    while (ends.length === 0) await delay(5);
    expect(ends).toEqual(['aborted']);
    await connection.close();
  });
});
