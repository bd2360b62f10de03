/** The driver over the agent's socketless connection: inventory, events, direct verbs, streams, time. */
import { describe, expect, test } from 'vitest';
import { openLanes } from '../../../agent/lanes.ts';
import { sim } from '../../../mappings/sim/platform.ts';
import { driver, faultOf, fine, host, MIB, startHost, testClock } from './rig.ts';

const nativeOf = async (started: Awaited<ReturnType<typeof startHost>>, name: string): Promise<string> =>
  (await started.objects()).find((object) => object.kind === 'vm' && host.scan(object).name === name)?.native ?? '';

describe('inventory', () => {
  test('lists every object once and scans to relations that are listed too', async () => {
    const started = await startHost('sim:///default?vms=600');
    const objects = await started.objects();
    const keys = objects.map(({ kind, native }) => `${kind} ${native}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(objects.filter(({ kind }) => kind === 'vm')).toHaveLength(600);
    for (const object of objects)
      for (const { to, native } of host.scan(object).relations) expect(keys).toContain(`${to} ${native}`);
    const vm = objects.find((object) => host.scan(object).name === 'demo-1');
    expect(vm && host.scan(vm)).toMatchObject({
      relations: [
        { to: 'storage', native: 'datastore1' },
        { to: 'volume', native: 'datastore1/demo-1%2fdemo-1.vmdk' },
        { to: 'network', native: 'VM Network' },
      ],
      owns: [{ kind: 'disk', match: '/sim/datastore1/demo-1%2fdemo-1.vmdk' }, { kind: 'nic' }],
    });
  });
});

describe('direct verbs and events', () => {
  test('a start is told by an event that makes the VM dirty, and its re-read shows it', async () => {
    const started = await startHost();
    const native = await nativeOf(started, 'demo-3');
    expect(fine(await driver.execute(started.send, 'vm.start', native)).touches).toEqual([{ kind: 'vm', native }]);
    expect(started.events.flatMap(driver.dirty)).toEqual([{ ref: { kind: 'vm', native }, hint: 'vm.started' }]);
    expect((await started.read('vm', native))?.powerState).toBe('running');
    expect(faultOf(await driver.execute(started.send, 'vm.start', native))).toBe('wrong-state');
    expect(faultOf(await driver.execute(started.send, 'vm.start', 'none'))).toBe('object-not-found');
  });
  test('a shutdown ends by itself after two seconds, without another call', async () => {
    const started = await startHost();
    const native = await nativeOf(started, 'demo-1');
    fine(await driver.execute(started.send, 'vm.shutdownGuest', native));
    expect((await started.read('vm', native))?.powerState).toBe('running');
    await started.clock.pass(1900);
    expect(started.events).toEqual([]);
    await started.clock.pass(200);
    expect(started.events.flatMap(driver.dirty)).toEqual([{ ref: { kind: 'vm', native }, hint: 'vm.stopped' }]);
    expect((await started.read('vm', native))?.powerState).toBe('stopped');
  });
  test('the conversation that was asked may end before the guest is down', async () => {
    const started = await startHost();
    const native = await nativeOf(started, 'demo-1');
    fine(await driver.execute(started.send, 'vm.shutdownGuest', native));
    started.work.closed('gone');
    await started.clock.pass(2500);
    expect(started.events.flatMap(driver.dirty)).toMatchObject([{ hint: 'vm.stopped' }]);
    expect(faultOf(await started.work.call('OBJECT.list', { kind: 'vm' }))).toBe('host-communication');
  });
  test('what is gone is read as gone', async () => {
    const started = await startHost();
    expect(await driver.read(started.send, [{ kind: 'vm', native: 'none' }])).toEqual([
      { change: 'gone', ref: { kind: 'vm', native: 'none' } },
    ]);
  });
});

test('statistics are asked of running VMs or of those named; other questions are not supported', async () => {
  const started = await startHost();
  await started.clock.pass(10_000);
  const all = fine(await driver.ask(started.send, 'stats', {})) as { vms: { native: string; cpuNs: number }[] };
  expect(all.vms).toHaveLength(2);
  expect(all.vms.every(({ cpuNs }) => cpuNs > 0)).toBe(true);
  const picture = async (name: string) =>
    fine(await driver.ask(started.send, 'screenshot', { vm: await nativeOf(started, name) })) as { bytes: Uint8Array };
  const [one, two] = [await picture('demo-1'), await picture('demo-2')];
  expect(Buffer.from(one.bytes).toString('latin1', 0, 15)).toBe('P6\n320 200\n255\n');
  expect(one.bytes.length).toBe(15 + 320 * 200 * 3);
  expect(Buffer.compare(one.bytes, two.bytes)).not.toBe(0);
  expect(faultOf(await driver.ask(started.send, 'screenshot', { vm: await nativeOf(started, 'demo-3') }))).toBe(
    'wrong-state',
  );
  expect(faultOf(await driver.ask(started.send, 'weather', {}))).toBe('not-supported');
});

describe('streams', () => {
  const upload = async (started: Awaited<ReturnType<typeof startHost>>, volume: string, pieces: Uint8Array[]) => {
    const transport = await started.dial();
    const { procedure, args } = fine(
      await driver.stream(started.send, {
        procedure: 'volume.upload',
        args: { volume, offsetBytes: 0, lengthBytes: -1 },
      }),
    );
    const stream = transport.stream(procedure, args, 'upload');
    fine(await stream.opened);
    for (const piece of pieces) {
      stream.write(piece);
      await stream.drained();
    }
    stream.end();
    return stream.finished;
  };
  const made = async (capacityBytes: number) => {
    const started = await startHost();
    fine(
      await started.work.call('VOLUME.create', {
        storage: 'datastore1',
        name: 'up',
        capacityBytes,
        format: 'raw',
        thin: true,
      }),
    );
    return started;
  };
  test('an upload is downloaded as it was, in pieces, with an event at its end and pauses kept', async () => {
    const started = await made(0);
    const bytes = new Uint8Array(3 * MIB + 17).map((_, n) => (n * 7) % 253);
    fine(await upload(started, 'datastore1/up', [bytes.subarray(0, MIB), bytes.subarray(MIB)]));
    expect(started.events.at(-1)).toEqual({
      procedure: 'EVENT.volume',
      args: { native: 'datastore1/up', hint: 'volume.changed' },
    });
    const transport = await started.dial();
    const stream = transport.stream('VOLUME.read', { volume: 'datastore1/up', offset: 5, length: -1 }, 'download');
    const chunks: Uint8Array[] = [];
    stream.onChunk((chunk) => {
      chunks.push(chunk);
      if (chunks.length === 2) stream.pause();
    });
    fine(await stream.opened);
    await started.clock.pass(10);
    expect(chunks).toHaveLength(2);
    stream.resume();
    await started.clock.pass(10);
    fine(await stream.finished);
    expect(Buffer.compare(Buffer.concat(chunks), bytes.subarray(5))).toBe(0);
  });
  test('more than the host keeps ends the upload with no disk space', async () => {
    const started = await made(0);
    const piece = new Uint8Array(4 * MIB).fill(3);
    expect(faultOf(await upload(started, 'datastore1/up', new Array<Uint8Array>(17).fill(piece)))).toBe(
      'no-disk-space',
    );
    expect((await started.read('volume', 'datastore1/up'))?.capacityBytes).toBe(64 * MIB);
  });
  test('a range ends where it ends; an abort is told; a missing volume does not open', async () => {
    const started = await made(MIB);
    const transport = await started.dial();
    const ranged = transport.stream('VOLUME.read', { volume: 'datastore1/up', offset: 10, length: 20 }, 'download');
    let length = 0;
    ranged.onChunk((chunk) => {
      length += chunk.length;
    });
    fine(await ranged.finished);
    expect(length).toBe(20);
    const aborted = transport.stream('VOLUME.read', { volume: 'datastore1/up', offset: 0, length: -1 }, 'download');
    fine(await aborted.opened);
    aborted.abort('enough');
    expect(faultOf(await aborted.finished)).toBe('cancelled');
    expect(
      faultOf(await transport.stream('VOLUME.read', { volume: 'none', offset: 0, length: -1 }, 'download').opened),
    ).toBe('object-not-found');
    expect(faultOf(await transport.stream('VM.start', { vm: 'none' }, 'download').finished)).toBe('not-supported');
    const lost = transport.stream('VOLUME.read', { volume: 'datastore1/up', offset: 0, length: -1 }, 'download');
    transport.closed('gone');
    expect(faultOf(await lost.finished)).toBe('host-communication');
  });
});

test("the agent's lanes drive it without a socket and hear its events after the read connection is renewed", async () => {
  const dialer = fine((sim.connect as NonNullable<typeof sim.connect>)('sim:///lanes'));
  const heard: string[] = [];
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const clock = testClock();
  const lanes = fine(
    await openLanes({
      dialer,
      host: 'lanes',
      counts: driver.lanes,
      clock: { ...clock, every: () => () => {} } as never,
      log: quiet as never,
      onEvent: (event) => heard.push(String(event.args['hint'])),
    }),
  );
  fine(await lanes.renewRead());
  const natives = fine(await lanes.send.call('OBJECT.list', { kind: 'vm' }, 'read'))['natives'] as string[];
  fine(await driver.execute(lanes.send, 'vm.stop', natives[0] ?? ''));
  expect(heard).toEqual(['vm.stopped']);
  await lanes.close();
});
