// Streams of the transport against a scripted daemon: order, back-pressure, ends and aborts.
import { describe, expect, it } from 'vitest';
import type { LibvirtTransport } from '../../../mappings/libvirt/transport.ts';
import { callAt, error, opened, reply, sent, settled, streamFrame } from './scripted-daemon.ts';

const vol = { pool: 'default', name: 'v', key: '/v' };

describe('streams', () => {
  const download = async (): Promise<{
    transport: LibvirtTransport;
    serial: number;
    stream: ReturnType<LibvirtTransport['stream']>;
  }> => {
    const transport = await opened();
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    const { serial } = callAt(transport);
    transport.receive(reply('STORAGE_VOL_DOWNLOAD', serial, {}), 0);
    return { transport, serial, stream };
  };
  const chunk = (serial: number, size: number): Buffer =>
    streamFrame('STORAGE_VOL_DOWNLOAD', serial, 2, Buffer.alloc(size, 1));
  const end = (serial: number): Buffer => streamFrame('STORAGE_VOL_DOWNLOAD', serial, 2);
  const confirm = (serial: number): Buffer => streamFrame('STORAGE_VOL_DOWNLOAD', serial, 0);

  it('end when the end of data was answered and that confirmed', async () => {
    const { transport, serial, stream } = await download();
    const sizes: number[] = [];
    stream.onChunk((bytes) => sizes.push(bytes.length));
    transport.receive(Buffer.concat([chunk(serial, 10), chunk(serial, 20), end(serial)]), 0);
    expect(sizes).toEqual([10, 20]);
    expect(sent(transport)).toMatchObject([{ type: 3, serial, status: 0 }]);
    let over = false;
    void stream.finished.then(() => {
      over = true;
    });
    await settled();
    expect(over).toBe(false);
    transport.receive(confirm(serial), 0);
    expect(await stream.finished).toEqual({ ok: true, value: undefined });
  });

  // libvirtd's event loop, which sends data, and its worker, which replies, race (seen with DOMAIN_SCREENSHOT, 9.0).
  it.each([0, 1, 2, 3])('are the same when the reply comes after %i of their three frames', async (after) => {
    const transport = await opened();
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    const { serial } = callAt(transport);
    const sizes: number[] = [];
    stream.onChunk((bytes) => sizes.push(bytes.length));
    const frames = [chunk(serial, 10), chunk(serial, 20), end(serial)];
    frames.splice(after, 0, reply('STORAGE_VOL_DOWNLOAD', serial, {}));
    const ours: unknown[] = [];
    for (const one of frames) {
      transport.receive(one, 0);
      ours.push(...sent(transport));
    }
    expect(sizes).toEqual([10, 20]);
    // Our own end is said once, and not before the call was answered: an end of an unknown stream is an error to the daemon.
    expect(ours).toMatchObject([{ type: 3, serial, status: 0 }]);
    expect(await stream.opened).toMatchObject({ ok: true });
    transport.receive(confirm(serial), 0);
    expect(await stream.finished).toEqual({ ok: true, value: undefined });
  });

  it('that send data before their call is refused end with the refusal', async () => {
    const transport = await opened();
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    const { serial } = callAt(transport);
    transport.receive(chunk(serial, 10), 0);
    transport.receive(error('STORAGE_VOL_DOWNLOAD', serial, 38, 'cannot read'), 0);
    expect(await stream.opened).toMatchObject({ ok: false });
    expect(await stream.finished).toMatchObject({ ok: false });
    transport.receive(chunk(serial, 10), 0);
    expect(sent(transport)).toEqual([]);
  });

  it('stop the socket while their reader is slow, and lose nothing', async () => {
    const { transport, serial, stream } = await download();
    let bytes = 0;
    stream.pause();
    stream.onChunk((data) => {
      bytes += data.length;
    });
    for (let i = 0; i < 5; i++) transport.receive(chunk(serial, 262_120), 0);
    expect(transport.paused()).toBe(true);
    transport.receive(Buffer.concat([end(serial), confirm(serial)]), 0);
    stream.resume();
    expect(transport.paused()).toBe(false);
    expect(await stream.finished).toMatchObject({ ok: true });
    expect(bytes).toBe(5 * 262_120);
  });

  it('discard what is on its way after an abort', async () => {
    const { transport, serial, stream } = await download();
    stream.onChunk(() => stream.abort('enough'));
    transport.receive(Buffer.concat([chunk(serial, 9), chunk(serial, 9)]), 0);
    expect(sent(transport)).toMatchObject([{ type: 3, serial, status: 1 }]);
    transport.receive(Buffer.concat([chunk(serial, 9), end(serial), confirm(serial), chunk(serial, 9)]), 0);
    expect(await stream.finished).toMatchObject({ ok: false, fault: { kind: 'cancelled' } });
    expect(sent(transport)).toEqual([]);
  });

  it('hold uploads back until they are open, cut them, and report a fault', async () => {
    const transport = await opened();
    const stream = transport.stream('STORAGE_VOL_UPLOAD', { vol, offset: 0n, length: 0n }, 'upload');
    stream.write(Buffer.alloc(600_000, 5));
    const { serial } = callAt(transport);
    transport.receive(reply('STORAGE_VOL_UPLOAD', serial, {}), 0);
    const chunks = sent(transport);
    expect(chunks.map(({ type, status, data }) => [type, status, data.length])).toEqual([
      [3, 2, 262_120],
      [3, 2, 262_120],
      [3, 2, 75_760],
    ]);
    stream.write(Buffer.alloc(0));
    expect(sent(transport)).toEqual([]);
    transport.receive(error('STORAGE_VOL_UPLOAD', serial, 38, 'cannot write', 3), 0);
    expect(await stream.finished).toMatchObject({ ok: false, fault: { text: 'cannot write' } });
    stream.write(Buffer.alloc(9));
    expect(sent(transport)).toEqual([]);
  });

  it('refuse a direction their procedure has not', async () => {
    const transport = await opened();
    const stream = transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'upload');
    expect(await stream.opened).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
  });
});
