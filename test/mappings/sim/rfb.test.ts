/** The console of a simulated VM speaks RFB 3.8 as RFC 6143 writes it. */
import { describe, expect, it } from 'vitest';
import type { HostStream } from '../../../mappings/generic/platform.ts';
import { sim } from '../../../mappings/sim/platform.ts';

/** The bytes that came since, as hex; the host is ticked by hand. */
const openConsole = async (vms = 1) => {
  const made = sim.connect?.(`sim:///rfb?vms=${vms}`);
  if (!made?.ok) throw new Error('no simulated host');
  const transport = made.value.open();
  let now = Date.UTC(2026, 0, 1);
  const tick = async (): Promise<void> => {
    now += 10;
    transport.tick(now);
    await Promise.resolve();
  };
  const call = async (procedure: string, args: Readonly<Record<string, unknown>>) => {
    const answer = transport.call(procedure, args);
    await tick();
    return answer;
  };
  const list = await call('OBJECT.list', { kind: 'vm' });
  const natives = list.ok ? (list.value['natives'] as string[]) : [];
  const vm = natives[0] ?? '';
  const stream: HostStream = transport.stream('VM.screen', { vm }, 'both');
  let came = Buffer.alloc(0);
  stream.onChunk((bytes) => {
    came = Buffer.concat([came, bytes]);
  });
  await tick();
  return {
    stream,
    call,
    vm,
    said: async (...bytes: number[]): Promise<Buffer> => {
      came = Buffer.alloc(0);
      stream.write(Uint8Array.from(bytes));
      await tick();
      return came;
    },
    first: came,
    tick,
  };
};

describe('the screen as RFB', () => {
  it('greets, asks no password, and paints what a screenshot shows', async () => {
    const { first, said, call, vm } = await openConsole();
    expect(first.toString('latin1')).toBe('RFB 003.008\n');
    expect([...(await said(...Buffer.from('RFB 003.008\n')))]).toEqual([1, 1]);
    expect([...(await said(1))]).toEqual([0, 0, 0, 0]);
    const init = await said(1);
    const [width, height] = [init.readUInt16BE(0), init.readUInt16BE(2)];
    expect([width, height, init[4], init[5]]).toEqual([320, 200, 32, 24]);
    expect(init.subarray(24).toString()).toBe(vm);
    // SetEncodings [raw], then an update of the whole in one piece.
    const update = await said(2, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1, 64, 0, 200);
    expect(update.length).toBe(4 + 12 + width * height * 4);
    const shot = await call('VM.screenshot', { vm });
    const ppm = shot.ok ? (shot.value['bytes'] as Uint8Array) : new Uint8Array();
    const rgb = ppm.subarray(ppm.length - width * height * 3);
    expect([update[18], update[17], update[16]]).toEqual([rgb[0], rgb[1], rgb[2]]);
  });

  it('takes messages in pieces, and ends on one that is none', async () => {
    const { said, stream } = await openConsole();
    await said(...Buffer.from('RFB 003'));
    expect([...(await said(...Buffer.from('.008\n')))]).toEqual([1, 1]);
    await said(1);
    await said(1);
    expect((await said(3, 0, 0, 0)).length).toBe(0);
    expect((await said(0, 0, 1, 64, 0, 200)).length).toBeGreaterThan(1000);
    await said(99);
    expect((await stream.finished).ok).toBe(false);
  });

  it('does not open for a VM that is not there', async () => {
    const made = sim.connect?.('sim:///rfb2?vms=1');
    if (!made?.ok) throw new Error('no simulated host');
    const transport = made.value.open();
    const stream = transport.stream('VM.screen', { vm: 'nobody' }, 'both');
    transport.tick(Date.UTC(2026, 0, 1));
    expect((await stream.opened).ok).toBe(false);
  });
});
