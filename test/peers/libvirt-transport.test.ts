// Our RPC client against a real libvirtd: log-in, calls, events, streams, loss of the daemon.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, openConnection } from '../../agent/connections/connection.ts';
import type { Outcome } from '../../mappings/generic/faults.ts';
import { connect, type LibvirtTransport, type TransportOptions } from '../../mappings/libvirt/transport.ts';
import { paramMap } from '../../mappings/libvirt/types.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { domainUuid, writeNodeXml } from './node-xml.ts';

let libvirtd: Libvirtd;
beforeAll(async () => {
  libvirtd = await startLibvirtd({ qemu: true, tcpPort: 26_509 });
});
afterAll(() => libvirtd?.stop());

const open = async (uri: string, options?: TransportOptions): Promise<Connection<LibvirtTransport>> => {
  const target = value(connect(uri));
  return value(await openConnection({ endpoint: target.endpoint, transport: target.open(options) }));
};
const value = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${outcome.fault.kind}: ${outcome.fault.text}`);
  return outcome.value;
};
const until = async (condition: () => boolean, limitMs = 5000): Promise<void> => {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const read = async (
  connection: Connection<LibvirtTransport>,
  args: { vol: Vol; flags?: number },
  slow = false,
): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  const stream = connection.transport.stream('STORAGE_VOL_DOWNLOAD', { offset: 0n, length: 0n, ...args }, 'download');
  let count = 0;
  stream.onChunk((bytes) => {
    chunks.push(bytes);
    if (slow && ++count % 8 === 0) {
      stream.pause();
      setTimeout(() => stream.resume(), 2);
    }
  });
  value(await stream.opened);
  value(await stream.finished);
  return Buffer.concat(chunks);
};
type Vol = { pool: string; name: string; key: string };
const createVolume = async (connection: Connection<LibvirtTransport>, name: string, bytes: number): Promise<Vol> => {
  const { pool } = value(await connection.transport.call('STORAGE_POOL_LOOKUP_BY_NAME', { name: 'default' }));
  const xml = `<volume><name>${name}</name><capacity>${bytes}</capacity><target><format type='raw'/></target></volume>`;
  return value(await connection.transport.call('STORAGE_VOL_CREATE_XML', { pool, xml })).vol;
};
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('calls', () => {
  it('log in over unix and tcp and know the features of the driver', async () => {
    for (const uri of [libvirtd.qemuUri, libvirtd.testUri(), libvirtd.tcpUri ?? '']) {
      await using connection = await open(uri);
      expect([...connection.transport.features]).toEqual(expect.arrayContaining([10, 14, 15, 16]));
      const { hostname } = value(await connection.transport.call('CONNECT_GET_HOSTNAME', {}));
      expect(hostname).not.toBe('');
    }
  });

  it('see what virsh sees', async () => {
    await using connection = await open(libvirtd.testUri());
    const { domains } = value(await connection.transport.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1 }));
    const [dom] = domains;
    expect(dom?.name).toBe('test');
    if (!dom) return;
    const { stdout } = await libvirtd.virshResult(['dumpxml', 'test'], libvirtd.testUri());
    const { xml } = value(await connection.transport.call('DOMAIN_GET_XML_DESC', { dom }));
    expect(xml.trim()).toBe(stdout.trim());
    const info = value(await connection.transport.call('NODE_GET_INFO', {}));
    expect(info.model).toBe('i686');
    expect(info.memory).toBe(3145728n);
    const { retStats } = value(await connection.transport.call('CONNECT_GET_ALL_DOMAIN_STATS', { doms: [], stats: 1 }));
    expect(paramMap(retStats[0]?.params ?? []).get('state.state')).toBe(1);
  });

  it('answer refusals as faults with the native error', async () => {
    await using connection = await open(libvirtd.qemuUri);
    const { transport } = connection;
    const missing = await transport.call('DOMAIN_LOOKUP_BY_NAME', { name: 'nope' });
    expect(missing).toMatchObject({
      ok: false,
      fault: { kind: 'object-not-found', members: { type: 'vm', id: 'nope' }, native: { code: '42' } },
    });
    const bad = await transport.call('DOMAIN_DEFINE_XML_FLAGS', { xml: '<domain' });
    expect(bad).toMatchObject({ ok: false, fault: { kind: 'invalid-vm-config', native: { code: '35' } } });
    const xml =
      "<domain type='qemu'><name>off</name><memory>16384</memory><os><type arch='x86_64'>hvm</type></os></domain>";
    const { dom } = value(await transport.call('DOMAIN_DEFINE_XML_FLAGS', { xml }));
    expect(await transport.call('DOMAIN_SUSPEND', { dom })).toMatchObject({
      ok: false,
      fault: { kind: 'invalid-state', native: { code: '55' } },
    });
    const twin = xml.replace('</name>', '</name><uuid>11111111-2222-4333-8444-000000000001</uuid>');
    expect(await transport.call('DOMAIN_DEFINE_XML_FLAGS', { xml: twin })).toMatchObject({
      ok: false,
      fault: { native: { code: '9' } },
    });
    value(await transport.call('DOMAIN_UNDEFINE_FLAGS', { dom }));
    // The connection is none the worse for values that cannot be sent.
    expect(await transport.call('DOMAIN_LOOKUP_BY_NAME', { name: 'x'.repeat(5_000_000) })).toMatchObject({
      ok: false,
      fault: { kind: 'invalid-argument' },
    });
    value(await transport.call('CONNECT_GET_LIB_VERSION', {}));
  });

  it('refuse writes on a read-only connection', async () => {
    await using connection = await open(libvirtd.testUri(), { readOnly: true });
    const { domains } = value(await connection.transport.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1 }));
    const [dom] = domains;
    if (!dom) throw new Error('no domain');
    expect(await connection.transport.call('DOMAIN_SUSPEND', { dom })).toMatchObject({
      ok: false,
      fault: { kind: 'no-permission' },
    });
  });

  it('list ten thousand domains with their XML in a few seconds', async () => {
    const file = join(libvirtd.root, 'node10k.xml');
    writeNodeXml(file, 10_000);
    await using connection = await open(libvirtd.testUri(file));
    const start = performance.now();
    const { domains } = value(await connection.transport.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1 }));
    expect(domains).toHaveLength(10_000);
    expect(new Set(domains.map(({ uuid }) => uuid))).toContain(domainUuid(77));
    const texts = await Promise.all(
      domains.map((dom) => connection.transport.call('DOMAIN_GET_XML_DESC', { dom, flags: 2 })),
    );
    const wrong = texts.filter((text, i) => !value(text).xml.includes(`<uuid>${domains[i]?.uuid}</uuid>`));
    expect(wrong).toEqual([]);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('events', () => {
  it('come with their callback id, in order, and from other clients too', async () => {
    await using connection = await open(libvirtd.testUri());
    await using other = await open(libvirtd.testUri());
    const seen: string[] = [];
    const { callbackID } = value(
      await connection.transport.call('CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', { eventID: 0 }),
    );
    connection.transport.onEvent(({ procedure, args }) => {
      if (procedure !== 'DOMAIN_EVENT_CALLBACK_LIFECYCLE' || args['callbackID'] !== callbackID) return;
      seen.push(`${(args['dom'] as { name: string }).name} ${args['event']}/${args['detail']}`);
    });
    const { dom } = value(await other.transport.call('DOMAIN_LOOKUP_BY_NAME', { name: 'test' }));
    value(await other.transport.call('DOMAIN_SUSPEND', { dom }));
    value(await other.transport.call('DOMAIN_RESUME', { dom }));
    await until(() => seen.length === 2);
    expect(seen).toEqual(['test 3/0', 'test 4/0']);
    const networks: number[] = [];
    value(await connection.transport.call('CONNECT_NETWORK_EVENT_REGISTER_ANY', { eventID: 0 }));
    connection.transport.onEvent(({ procedure, args }) => {
      if (procedure === 'NETWORK_EVENT_LIFECYCLE') networks.push(args['event'] as number);
    });
    const { net } = value(await other.transport.call('NETWORK_LOOKUP_BY_NAME', { name: 'default' }));
    value(await other.transport.call('NETWORK_DESTROY', { net }));
    await until(() => networks.length === 1);
    expect(networks).toEqual([3]);
  });
});

describe('streams', () => {
  it('carry a volume up and down again, whole', async () => {
    await using connection = await open(libvirtd.qemuUri);
    const size = 5 * 1024 * 1024 + 13;
    const vol = await createVolume(connection, 'whole', size);
    const data = randomBytes(size);
    const stream = connection.transport.stream(
      'STORAGE_VOL_UPLOAD',
      { vol, offset: 0n, length: BigInt(size) },
      'upload',
    );
    for (let at = 0; at < size; at += 700_001) {
      stream.write(data.subarray(at, at + 700_001));
      await stream.drained();
    }
    stream.end();
    value(await stream.finished);
    const back = await read(connection, { vol });
    expect(back.length).toBe(size);
    expect(sha(back)).toBe(sha(data));
    // A slow reader gets the same, and the connection is good for calls afterwards.
    expect(sha(await read(connection, { vol }, true))).toBe(sha(data));
    value(await connection.transport.call('STORAGE_VOL_DELETE', { vol }));
  });

  it('give holes as zeroes', async () => {
    await using connection = await open(libvirtd.qemuUri);
    const vol = await createVolume(connection, 'sparse', 3 * 1024 * 1024);
    const back = await read(connection, { vol, flags: 1 });
    expect(back.length).toBe(3 * 1024 * 1024);
    expect(back.some((byte) => byte !== 0)).toBe(false);
    value(await connection.transport.call('STORAGE_VOL_DELETE', { vol }));
  });

  it('end by an abort or a fault and leave the connection usable', async () => {
    await using connection = await open(libvirtd.qemuUri);
    const vol = await createVolume(connection, 'aborted', 64 * 1024 * 1024);
    const download = connection.transport.stream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0n, length: 0n }, 'download');
    let count = 0;
    download.onChunk(() => {
      if (++count === 2) download.abort('enough');
    });
    expect(await download.finished).toMatchObject({ ok: false, fault: { kind: 'cancelled', text: 'enough' } });
    const gone = connection.transport.stream(
      'STORAGE_VOL_DOWNLOAD',
      { vol: { ...vol, name: 'gone', key: '/gone' }, offset: 0n, length: 0n },
      'download',
    );
    expect(await gone.opened).toMatchObject({
      ok: false,
      fault: { kind: 'object-not-found', members: { type: 'volume' } },
    });
    expect(await gone.finished).toMatchObject({ ok: false });
    const long = connection.transport.stream('STORAGE_VOL_UPLOAD', { vol, offset: 0n, length: 10n }, 'upload');
    value(await long.opened);
    long.write(new Uint8Array(1000));
    long.end();
    expect(await long.finished).toMatchObject({ ok: false });
    value(await connection.transport.call('STORAGE_VOL_DELETE', { vol }));
  });
});

describe('the end of the daemon', () => {
  it('answers what waits with a fault, and says why', async () => {
    const connection = await open(libvirtd.testUri());
    value(await connection.transport.call('CONNECT_GET_TYPE', {}));
    const waiting = Array.from({ length: 50 }, () => connection.transport.call('CONNECT_GET_CAPABILITIES', {}));
    await libvirtd.kill9();
    const outcomes = await Promise.all(waiting);
    expect(outcomes.every((outcome) => outcome.ok || outcome.fault.kind === 'host-communication')).toBe(true);
    expect(await connection.closed).toContain(libvirtd.socket);
    expect(await connection.transport.call('CONNECT_GET_TYPE', {})).toMatchObject({
      ok: false,
      fault: { kind: 'host-communication' },
    });
    const target = value(connect(libvirtd.testUri()));
    expect(await openConnection({ endpoint: target.endpoint, transport: target.open() })).toMatchObject({
      ok: false,
      fault: { kind: 'host-communication' },
    });
    await libvirtd.restart();
    await using again = await open(libvirtd.testUri());
    expect(value(await again.transport.call('CONNECT_GET_TYPE', {})).type).toBe('TEST');
  });

  it('is told from a refused log-in', async () => {
    const target = value(connect(libvirtd.testUri('/nowhere/node.xml')));
    const refused = await openConnection({ endpoint: target.endpoint, transport: target.open() });
    expect(refused).toMatchObject({ ok: false, fault: { native: { platform: 'libvirt' } } });
  });
});
