/** Connections to hosts over HTTP, judged against a small web server: log-in, calls, bounds, limits, listening, certificates. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dial, type HostConnection, type HttpDialer } from '../../../agent/connections/host-connection.ts';
import { openLanes } from '../../../agent/lanes.ts';
import type { Outcome } from '../../../mappings/generic/faults.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { fingerprints, makeCa, makeLeaf } from '../../../runtime/tls.ts';
import { converse, dialerTo, dialOptions, PASSWORD, serveWeb } from './web-host.ts';

const fine = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value;
};
const connect = async (dialer: HttpDialer, listens = false): Promise<HostConnection> =>
  fine(await dial(dialOptions(dialer, listens)));
const refusalOf = async (dialer: HttpDialer) => {
  const outcome = await dial(dialOptions(dialer));
  if (outcome.ok) throw new Error('it was let in');
  return outcome.fault;
};

describe('log-in and calls', () => {
  it('logs in, makes calls with the session it was given, and logs out', async () => {
    await using host = await serveWeb((request, response, body) => {
      response.setHeader('x-answer', 'yes');
      response.end(`${String(request.headers['x-session'])} ${body.toString()}`);
    });
    const connection = await connect(dialerTo(host.port));
    expect(fine(await connection.call('echo', { body: 'grüße' }))).toEqual({
      status: 200,
      text: 'session-1 grüße',
      header: 'yes',
    });
    expect(fine(await connection.call('twice', { body: '2' }))).toMatchObject({ text: 'session-1 2' });
    await connection.close('enough');
    expect(await connection.closed).toBe('enough');
    expect(host.seen.at(-1)).toBe('POST /leave');
    await expect(connection.call('echo', {})).rejects.toThrow('enough');
  });

  it('tells of a refused log-in by the name of the user and never the password', async () => {
    await using host = await serveWeb((_, response) => response.end());
    const reason = await refusalOf(dialerTo(host.port, { user: 'eve' }));
    expect(reason.kind).toBe('invalid-login');
    expect(reason.text).toContain('"eve"');
    expect(JSON.stringify(reason)).not.toContain(PASSWORD);
    expect(host.seen).toHaveLength(1);
  });

  it('reads the credentials at every log-in; what cannot be read is a failed log-in', async () => {
    await using host = await serveWeb((_, response) => response.end());
    let user = 'eve';
    const dialer = {
      ...dialerTo(host.port),
      credentials: () => ({ ...dialerTo(host.port).credentials(), user }),
    };
    expect((await refusalOf(dialer)).kind).toBe('invalid-login');
    user = 'ann';
    await (await connect(dialer)).close();
    const unread = await refusalOf(
      dialerTo(host.port, {
        credentials: () => {
          throw new Error('the file is gone');
        },
      }),
    );
    expect(unread).toMatchObject({ kind: 'invalid-login', text: expect.stringContaining('the file is gone') });
  });

  it('says why nobody is reached', async () => {
    const host = await serveWeb(() => {});
    await host[Symbol.asyncDispose]();
    expect(await refusalOf(dialerTo(host.port))).toMatchObject({
      kind: 'host-communication',
      text: expect.stringMatching(/ECONNREFUSED/),
    });
  });

  it('refuses an answer beyond the bound and goes on', async () => {
    await using host = await serveWeb((request, response) =>
      response.end(request.url === '/call/large' ? 'x'.repeat(100_000) : 'small'),
    );
    const connection = await connect(dialerTo(host.port, { conversation: converse({ maxBytes: 10_000 }) }));
    const large = await connection.call('large', {});
    expect(large).toMatchObject({ ok: false, fault: { kind: 'too-many', members: { limit: 10_000 } } });
    expect(fine(await connection.call('small', {}))).toMatchObject({ text: 'small' });
    await connection.close();
  });

  it('gives up a call at its limit, for it may or may not have happened', async () => {
    await using host = await serveWeb(() => {});
    const connection = await connect(dialerTo(host.port, { conversation: converse({ limitMs: 50 }) }));
    await expect(connection.call('never', {})).rejects.toThrow('no answer within 50 ms');
    await connection.close();
  });
});

describe('listening', () => {
  it('is open when it listens, holds events until someone hears them, and ends with the session', async () => {
    const polls: ((text: string) => void)[] = [];
    await using host = await serveWeb((_, response) => void polls.push((text) => response.end(text)));
    const opening = connect(dialerTo(host.port, { conversation: converse({ listens: true }) }), true);
    let isOpen = false;
    void opening.then(() => {
      isOpen = true;
    });
    while (polls.length < 1) await delay(5);
    expect(isOpen).toBe(false);
    polls[0]?.('first\n');
    const connection = await opening;
    await delay(20);
    const heard: string[] = [];
    connection.onEvent(({ procedure }) => heard.push(procedure));
    while (polls.length < 2) await delay(5);
    expect(heard).toEqual(['first']);
    polls[1]?.('second\nthird\n');
    while (polls.length < 3) await delay(5);
    expect(heard).toEqual(['first', 'second', 'third']);
    polls[2]?.('over');
    expect(await connection.closed).toContain('the session is over');
    await connection.close();
  });

  it('is ended in the middle of a poll by closing, without an error left behind', async () => {
    const polls: ((text: string) => void)[] = [];
    await using host = await serveWeb((_, response) => void polls.push((text) => response.end(text)));
    const opening = connect(dialerTo(host.port, { conversation: converse({ listens: true }) }), true);
    while (polls.length < 1) await delay(5);
    polls[0]?.('\n');
    const connection = await opening;
    connection.onEvent(() => {});
    while (polls.length < 2) await delay(5);
    const startedMs = performance.now();
    await connection.close();
    expect(performance.now() - startedMs).toBeLessThan(1500);
    expect(host.seen.at(-1)).toBe('POST /leave');
  });

  it('loses the host when the poll breaks', async () => {
    let polls = 0;
    await using host = await serveWeb((request, response) => {
      if (++polls === 1) response.end('\n');
      else request.socket.destroy();
    });
    const outcome = await openLanes({
      dialer: dialerTo(host.port, { conversation: converse({ listens: true }) }),
      host: 'h',
      counts: { read: 1, work: 0 },
      clock: systemClock,
      log: silentLog,
      onEvent: () => {},
    });
    const lanes = fine(outcome);
    expect(await lanes.lost).toMatch(/127\.0\.0\.1/);
    await expect(lanes.send.call('echo', {}, 'read')).rejects.toThrow(/lost/);
    await lanes.close();
  });
});

describe('certificates', () => {
  const nowMs = Date.now();
  const ca = makeCa(nowMs);
  const leaf = makeLeaf(ca, ['127.0.0.1'], nowMs);
  const other = makeLeaf(ca, ['127.0.0.1'], nowMs);
  const printOf = (pair: { certificate: string }): string => fingerprints(pair.certificate).sha256;

  it('refuses an unknown certificate before a byte is sent and shows its fingerprint', async () => {
    await using host = await serveWeb((_, response) => response.end(), leaf);
    const reason = await refusalOf(dialerTo(host.port, { secure: true }));
    expect(reason.kind).toBe('host-communication');
    expect(reason.text).toContain(printOf(leaf));
    expect(host.seen).toEqual([]);
  });

  it('takes the one that is named, however its fingerprint is written', async () => {
    await using host = await serveWeb((_, response) => response.end('in'), leaf);
    for (const fingerprint of [printOf(leaf), printOf(leaf).replaceAll(':', '').toLowerCase()]) {
      const connection = await connect(dialerTo(host.port, { secure: true, fingerprint }));
      expect(fine(await connection.call('echo', {}))).toMatchObject({ text: 'in' });
      await connection.close();
    }
  });

  it('refuses another one than the named', async () => {
    await using host = await serveWeb((_, response) => response.end(), other);
    const reason = await refusalOf(dialerTo(host.port, { secure: true, fingerprint: printOf(leaf) }));
    expect(reason.text).toContain(printOf(other));
    expect(host.seen).toEqual([]);
  });
});
