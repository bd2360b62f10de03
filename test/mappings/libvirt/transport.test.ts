// The transport against a scripted daemon: order, loss, time-outs, streams, events.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROGRAM_REMOTE } from '../../../mappings/libvirt/codec.ts';
import { PROGRAM_KEEPALIVE } from '../../../mappings/libvirt/frames.ts';
import { openTransport } from '../../../mappings/libvirt/transport.ts';
import { DecodeError } from '../../../mappings/wire/xdr.ts';
import { callAt, error, frame, logIn, opened, reply, sent, settled } from './scripted-daemon.ts';

const dom = { name: 'vm', uuid: '11111111-2222-4333-8444-555555555555', id: 7 };
const vol = { pool: 'default', name: 'v', key: '/v' };
describe('the log-in', () => {
  it('asks what libvirt asks, in its order, and opens once', async () => {
    const transport = openTransport('qemu:///system');
    const asked = await logIn(transport);
    expect(asked).toEqual([
      'AUTH_LIST',
      'feature 10',
      'CONNECT_OPEN',
      'feature 14',
      'feature 15',
      'feature 13',
      'feature 16',
    ]);
    expect([...transport.features].sort()).toEqual([10, 13, 14, 15, 16]);
  });

  it('asks polkit when the daemon does', async () => {
    expect((await logIn(openTransport('qemu:///system'), { AUTH_LIST: { types: [2] } })).slice(0, 2)).toEqual([
      'AUTH_LIST',
      'AUTH_POLKIT',
    ]);
    const refused = openTransport('qemu:///system');
    await logIn(refused, { AUTH_LIST: { types: [2] }, AUTH_POLKIT: { complete: 0 } });
    expect(await refused.ready).toMatchObject({ ok: false, fault: { kind: 'invalid-login' } });
  });

  it('refuses SASL with a text that helps, and early calls with it', async () => {
    const transport = openTransport('qemu:///system');
    const early = transport.call('CONNECT_GET_TYPE', {});
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    await logIn(transport, { AUTH_LIST: { types: [1] } });
    expect(await transport.ready).toMatchObject({
      ok: false,
      fault: { kind: 'not-supported', text: expect.stringContaining('SASL') },
    });
    expect(await early).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
    expect(await stream.finished).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
  });
});

describe('calls', () => {
  it('are matched by serial, whatever the order of replies', async () => {
    const transport = await opened({ maxInFlight: 8 });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const answers = names.map((name) => transport.call('DOMAIN_LOOKUP_BY_NAME', { name }));
    const calls = sent(transport);
    expect(calls.map(({ args }) => args['name'])).toEqual(names);
    for (const { serial, args } of calls.reverse())
      transport.receive(reply('DOMAIN_LOOKUP_BY_NAME', serial, { dom: { ...dom, name: args['name'] } }), 0);
    expect((await Promise.all(answers)).map((answer) => answer.ok && answer.value.dom.name)).toEqual(names);
  });

  it('wait here beyond the limit in flight', async () => {
    const transport = await opened({ maxInFlight: 2 });
    const answers = [1, 2, 3].map((id) => transport.call('DOMAIN_LOOKUP_BY_ID', { id }));
    const first = sent(transport);
    expect(first.map(({ args }) => args['id'])).toEqual([1, 2]);
    expect(transport.busy).toBe(3);
    transport.receive(reply('DOMAIN_LOOKUP_BY_ID', first[1]?.serial ?? 0, { dom }), 0);
    const then = sent(transport);
    expect(then.map(({ args }) => args['id'])).toEqual([3]);
    for (const serial of [first[0]?.serial, then[0]?.serial])
      transport.receive(reply('DOMAIN_LOOKUP_BY_ID', serial ?? 0, { dom }), 0);
    await Promise.all(answers);
    expect(transport.busy).toBe(0);
  });

  it('send flags 0 and null for what is left out', async () => {
    const transport = await opened();
    void transport.call('CONNECT_GET_DOMAIN_CAPABILITIES', { arch: 'x86_64' });
    expect(sent(transport)[0]?.args).toEqual({
      emulatorbin: null,
      arch: 'x86_64',
      machine: null,
      virttype: null,
      flags: 0,
    });
  });

  it('turn errors into faults, and unknown procedures into not-supported', async () => {
    const transport = await opened();
    const refused = transport.call('DOMAIN_RESUME', { dom });
    transport.receive(
      error('DOMAIN_RESUME', callAt(transport).serial, 55, 'Requested operation is not valid: domain is not running'),
      0,
    );
    expect(await refused).toMatchObject({
      ok: false,
      fault: { kind: 'invalid-state', native: { platform: 'libvirt', code: '55' } },
    });
    const old = transport.call('DOMAIN_ABORT_JOB_FLAGS', { dom });
    transport.receive(error('DOMAIN_ABORT_JOB_FLAGS', callAt(transport).serial, 39, 'unknown procedure: 442'), 0);
    expect(await old).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
  });

  it('fail alone when their answer cannot be read', async () => {
    const transport = await opened();
    const bad = transport.call('DOMAIN_GET_STATE', { dom });
    transport.receive(
      frame(PROGRAM_REMOTE, 212, 1, callAt(transport).serial, 0, (w) => w.int(1)),
      0,
    );
    expect(await bad).toMatchObject({
      ok: false,
      fault: { kind: 'host-communication', text: expect.stringContaining('DOMAIN_GET_STATE') },
    });
    const good = transport.call('DOMAIN_GET_STATE', { dom });
    transport.receive(reply('DOMAIN_GET_STATE', callAt(transport).serial, { state: 1, reason: 5 }), 0);
    expect(await good).toEqual({ ok: true, value: { state: 1, reason: 5 } });
  });

  it('leave nothing on the wire when their arguments do not fit', async () => {
    const transport = await opened();
    expect(await transport.call('DOMAIN_GET_STATE', { dom: { ...dom, uuid: 'not a uuid' } })).toMatchObject({
      ok: false,
      fault: { kind: 'invalid-argument' },
    });
    expect(await transport.call('NO_SUCH_PROCEDURE', {})).toMatchObject({
      ok: false,
      fault: { kind: 'not-supported' },
    });
    expect(sent(transport)).toEqual([]);
    expect(transport.busy).toBe(0);
  });

  it('are given up after their limit, and hold their place until the late answer', async () => {
    const transport = await opened({ maxInFlight: 1, callLimitMs: 5000, keepalive: false });
    const slow = transport.call('DOMAIN_GET_STATE', { dom });
    const { serial } = callAt(transport);
    transport.tick(1000);
    transport.tick(5999);
    transport.tick(6000);
    expect(await slow).toMatchObject({ ok: false, fault: { kind: 'timeout' } });
    const next = transport.call('DOMAIN_GET_STATE', { dom });
    expect(sent(transport)).toEqual([]);
    transport.receive(reply('DOMAIN_GET_STATE', serial, { state: 1, reason: 1 }), 7000);
    transport.receive(reply('DOMAIN_GET_STATE', callAt(transport).serial, { state: 2, reason: 2 }), 7000);
    expect(await next).toEqual({ ok: true, value: { state: 2, reason: 2 } });
  });

  it('are all answered when the connection is lost, queued ones too', async () => {
    const transport = await opened({ maxInFlight: 2 });
    const answers = Array.from({ length: 9 }, () => transport.call('DOMAIN_GET_STATE', { dom }));
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    transport.closed('the cable');
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ ok: false, fault: { kind: 'host-communication', text: 'the cable' } });
    expect(await stream.opened).toMatchObject({ ok: false });
    expect(await stream.finished).toMatchObject({ ok: false });
    expect(await transport.call('DOMAIN_GET_STATE', { dom })).toMatchObject({
      ok: false,
      fault: { text: 'the cable' },
    });
  });
});

describe('events', () => {
  const lifecycle = (serial: number): Buffer =>
    frame(PROGRAM_REMOTE, 318, 2, serial, 0, (w) => {
      w.int(3);
      w.string('vm', 10);
      w.hex('11111111222243338444555555555555', 16);
      w.int(7);
      w.int(2);
      w.int(0);
    });

  it('are routed by procedure, also with the serial of a call', async () => {
    const transport = await opened();
    const seen: unknown[] = [];
    transport.onEvent((event) => seen.push(event));
    const answer = transport.call('DOMAIN_GET_STATE', { dom });
    const { serial } = callAt(transport);
    transport.receive(
      Buffer.concat([lifecycle(serial), reply('DOMAIN_GET_STATE', serial, { state: 1, reason: 1 })]),
      0,
    );
    expect(seen).toEqual([
      { procedure: 'DOMAIN_EVENT_CALLBACK_LIFECYCLE', args: { callbackID: 3, dom, event: 2, detail: 0 } },
    ]);
    expect(await answer).toMatchObject({ ok: true });
  });

  it('of newer servers and other programs are skipped', async () => {
    const transport = await opened();
    transport.receive(
      frame(PROGRAM_REMOTE, 999, 2, 1, 0, (w) => w.string('what', 9)),
      0,
    );
    transport.receive(frame(0x12345678, 318, 2, 1, 0), 0);
    expect(transport.skipped).toBe(2);
  });

  it('that cannot be read end the conversation: a lost event must mean a new listing', async () => {
    const transport = await opened();
    const bytes = lifecycle(1);
    bytes.writeUInt32BE(bytes.length - 4, 0);
    expect(() => transport.receive(bytes.subarray(0, -4), 0)).toThrow(DecodeError);
    expect(() => transport.receive(lifecycle(1), 0)).toThrow(DecodeError);
  });
});

describe('keepalive', () => {
  const ping = frame(PROGRAM_KEEPALIVE, 1, 2, 0, 0);
  const pong = frame(PROGRAM_KEEPALIVE, 2, 2, 0, 0);

  it('answers pings at once', async () => {
    const transport = await opened();
    transport.receive(ping, 0);
    expect(sent(transport)).toMatchObject([{ name: 'PONG', type: 2, serial: 0 }]);
  });

  it('pings a silent peer and gives it up after the last unanswered one', async () => {
    const transport = await opened({ keepalive: { intervalMs: 1000, count: 2 } });
    const step = (nowMs: number): string[] => {
      transport.tick(nowMs);
      return sent(transport).map(({ name }) => name);
    };
    expect(step(0)).toEqual([]);
    expect(transport.wakeAt()).toBe(1000);
    expect(step(999)).toEqual([]);
    expect(step(1000)).toEqual(['PING']);
    transport.receive(pong, 1500);
    expect(step(2000)).toEqual([]);
    expect(step(3000)).toEqual(['PING']);
    expect(step(4000)).toEqual(['PING']);
    expect(() => transport.tick(5000)).toThrow(DecodeError);
  });
});

describe('a peer that sends anything', () => {
  it('gets a decode error and nothing worse', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }),
        fc.boolean(),
        async (chunks, framed) => {
          const transport = openTransport('test:///default');
          await settled();
          sent(transport);
          try {
            for (const bytes of chunks) {
              if (!framed) transport.receive(bytes, 0);
              else {
                const head = frame(
                  PROGRAM_REMOTE,
                  bytes[0] === undefined ? 66 : bytes[0],
                  (bytes[1] ?? 0) % 7,
                  (bytes[2] ?? 0) % 4,
                  (bytes[3] ?? 0) % 4,
                  (w) => w.raw(bytes),
                );
                transport.receive(head, 0);
              }
            }
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(DecodeError);
          }
          transport.closed('over');
          expect((await transport.ready).ok).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });
});
