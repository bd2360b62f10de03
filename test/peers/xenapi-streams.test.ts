/** Bytes beside the calls of XenAPI: raw images in and out of real volumes, and the screen of a real QEMU through CONNECT and WebSocket. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { LIBVIRT_CLIENTS, requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { type RawXenApi, rawXenApi } from './raw-xenapi.ts';
import { type FrontEndpoint, startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi } from './xen-clients.ts';
import { newDisk } from './xen-records.ts';

const MIB = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

describeWith([...LIBVIRT_CLIENTS, 'qemu-img', 'xen-api'], 'bytes beside XenAPI', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let endpoint: FrontEndpoint;
  let xen: RawXenApi;

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi'] });
    endpoint = product.front('xenapi');
    xen = rawXenApi(endpoint);
    await xen.logIn();
  });
  afterAll(async () => {
    xen?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  /** `cutAfter`: so many bytes of the body, then the socket is closed. */
  const http = (
    method: string,
    path: string,
    more: { body?: Buffer; headers?: Record<string, string>; cut?: boolean } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(endpoint.url);
      const { body, headers, cut } = more;
      const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
      const out = request(
        { hostname, port, path, method, rejectUnauthorized: false, headers: { ...length, ...headers } },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.once('error', reject);
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
          );
        },
      );
      out.once('error', reject);
      if (cut !== true) return void out.end(body);
      out.write(body, () => out.socket?.end());
    });

  const sr = async (): Promise<string> =>
    String(await xen.call('pool.get_default_SR', String(((await xen.call('pool.get_all')) as string[])[0])));
  const newVdi = async (size: number, format: 'raw' | 'qcow2'): Promise<string> =>
    String(
      await xen.call(
        'VDI.create',
        newDisk(await sr(), size, {
          name_label: `image ${format}`,
          xenstore_data: {},
          sm_config: { 'image-format': format },
          tags: [],
        }),
      ),
    );
  const withSession = (path: string): string => `${path}&session_id=${encodeURIComponent(xen.session())}`;
  const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (const untilMs = Date.now() + 20_000; ; ) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > untilMs) throw new Error('not seen in time');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test('a raw image goes in as it comes out, and its task ends with it', async () => {
    const vdi = await newVdi(4 * MIB, 'raw');
    const image = randomBytes(4 * MIB);
    // As clients do: first an empty request, without the task.
    expect((await http('PUT', withSession(`/import_raw_vdi/?vdi=${vdi}&format=raw`))).status).toBe(200);
    const task = String(await xen.call('task.create', 'import', 'of an image'));
    const into = await http('PUT', withSession(`/import_raw_vdi/?vdi=${vdi}&format=raw&task_id=${task}`), {
      body: image,
    });
    expect(into.status).toBe(200);
    expect(await xen.call('task.get_status', task)).toBe('success');
    expect(await xen.call('task.get_result', task)).toBe(`<value>${vdi}</value>`);

    const cookie = { cookie: `session_id=${xen.session()}` };
    const out = await http('GET', `/export_raw_vdi?vdi=${vdi}&format=raw`, { headers: cookie });
    expect(out.status).toBe(200);
    expect(out.headers['content-type']).toBe('application/octet-stream');
    expect(out.body.equals(image)).toBe(true);
    const uuid = String(await xen.call('VDI.get_uuid', vdi));
    const basic = { authorization: `Basic ${Buffer.from(`${endpoint.user}:${endpoint.password}`).toString('base64')}` };
    expect((await http('GET', `/export_raw_vdi?vdi=${uuid}`, { headers: basic })).body.equals(image)).toBe(true);
    await xen.call('VDI.destroy', vdi);
  });

  test('a client that does not know the length cuts the connection after the last byte', async () => {
    const vdi = await newVdi(2 * MIB, 'raw');
    const image = randomBytes(MIB);
    const task = String(await xen.call('task.create', 'import', 'of unknown length'));
    const headers = { 'content-length': String(2 ** 50) };
    const path = withSession(`/import_raw_vdi/?vdi=${vdi}&format=raw&task_id=${task}`);
    await http('PUT', path, { body: image, headers, cut: true }).catch(() => {});
    const status = await eventually(async () => {
      const now = await xen.call('task.get_status', task);
      return now === 'pending' ? undefined : now;
    });
    expect(status).toBe('success');
    const out = await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}`));
    expect(out.body.subarray(0, MIB).equals(image)).toBe(true);
    expect(out.body.length).toBe(2 * MIB);
    await xen.call('VDI.destroy', vdi);
  });

  /** Random bytes here and there, zeroes between: whole clusters of them, some, and none. */
  const scattered = (size: number): Buffer => {
    const image = Buffer.alloc(size);
    for (const [from, to] of [
      [0, 100],
      [70_000, 200_000],
      [5 * MIB - 7, 5 * MIB + 7],
      [6 * MIB, 9 * MIB],
      [size - 512, size],
    ] as const)
      randomBytes(to - from).copy(image, from);
    return image;
  };
  const qemuImg = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await runProgram(requireClient('qemu-img'), args);
    if (code !== 0) throw new Error(`qemu-img ${args.join(' ')}: ${stdout}${stderr}`);
  };

  test('a raw image goes into a disk of another format and comes out of it, as qemu-img sees it', async () => {
    const size = 24 * MIB;
    const image = scattered(size);
    const vdi = await newVdi(size, 'qcow2');
    expect((await http('PUT', withSession(`/import_raw_vdi/?vdi=${vdi}&format=raw`), { body: image })).status).toBe(
      200,
    );
    const file = join(host.poolFolder, String(await xen.call('VDI.get_location', vdi)).replace(/^.*\//, ''));
    const raw = join(host.root, 'image.raw');
    writeFileSync(raw, image);
    await qemuImg('check', '-f', 'qcow2', file);
    await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', file, raw);
    // What is zero takes no place.
    expect(statSync(file).blocks * 512).toBeLessThan(8 * MIB);
    const out = await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}&format=raw`));
    expect(out.status).toBe(200);
    expect(out.headers['content-length']).toBe(String(size));
    expect(out.body.equals(image)).toBe(true);

    // A shorter image over it: the rest reads as zeroes, and nothing of what was there before shines through.
    const short = randomBytes(3 * MIB + 5);
    const headers = { 'content-length': String(2 ** 50) };
    const task = String(await xen.call('task.create', 'import', 'a shorter one'));
    const path = withSession(`/import_raw_vdi/?vdi=${vdi}&format=raw&task_id=${task}`);
    await http('PUT', path, { body: short, headers, cut: true }).catch(() => {});
    await eventually(async () => ((await xen.call('task.get_status', task)) === 'pending' ? undefined : true));
    expect(await xen.call('task.get_status', task)).toBe('success');
    await qemuImg('check', '-f', 'qcow2', file);
    const again = (await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}`))).body;
    expect(again.subarray(0, short.length).equals(short)).toBe(true);
    expect(again.subarray(short.length).equals(Buffer.alloc(size - short.length))).toBe(true);
    await xen.call('VDI.destroy', vdi);
  });

  test('a disk that qemu-img made comes out as it is, whatever its clusters; a compressed one does not', async () => {
    const size = 10 * MIB;
    const image = scattered(size);
    const raw = join(host.root, 'made.raw');
    writeFileSync(raw, image);
    const made = async (name: string, ...options: readonly string[]): Promise<string> => {
      await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, join(host.poolFolder, name));
      await host.virsh('pool-refresh', 'default');
      await xen.call('SR.scan', await sr());
      return eventually(async () => {
        const all = (await xen.call('VDI.get_all_records')) as Record<string, { location: string }>;
        return Object.entries(all).find(([, { location }]) => location.endsWith(name))?.[0];
      });
    };
    for (const [name, options] of [
      ['small.qcow2', ['-o', 'cluster_size=4k,compat=0.10']],
      ['large.qcow2', ['-o', 'cluster_size=2M,lazy_refcounts=on']],
    ] as const) {
      const out = await http('GET', withSession(`/export_raw_vdi?vdi=${await made(name, ...options)}`));
      expect(out.body.equals(image), name).toBe(true);
    }
    const packed = await made('packed.qcow2', '-c');
    const refused = await http('GET', withSession(`/export_raw_vdi?vdi=${packed}`)).catch(() => undefined);
    expect(refused?.body.equals(image) ?? false).toBe(false);
  });

  test.each(['raw', 'qcow2'] as const)(
    'npm xen-api puts an image on a %s disk and gets it, of known length and of unknown',
    async (format) => {
      const xapi = await openXenApi({ ...endpoint, fingerprint: product.front('xenapi').fingerprint256 }, 'json-rpc');
      try {
        const image = randomBytes(3 * MIB);
        for (const known of [true, false]) {
          const vdi = await newVdi(4 * MIB, format);
          const body = Object.assign(
            Readable.from([image.subarray(0, MIB), image.subarray(MIB)], { objectMode: false }),
            known ? { length: image.length } : {},
          );
          const query = { vdi, format: 'raw' };
          // The value of the task, which xen-api follows in its events.
          expect(await xapi.putResource(body, '/import_raw_vdi/', { query, task: true })).toBe(vdi);
          const answer = await xapi.getResource('/export_raw_vdi/', { query, task: true });
          const parts: Buffer[] = [];
          for await (const part of answer.body) parts.push(Buffer.from(part));
          expect(Buffer.concat(parts).subarray(0, image.length).equals(image)).toBe(true);
          expect(Buffer.concat(parts).length).toBe(4 * MIB);
          await answer.task;
          await xen.call('VDI.destroy', vdi);
        }
      } finally {
        await xapi.disconnect();
      }
    },
  );

  test('a VHD that qemu-img made goes into disks of both formats, and what comes out is one to qemu-img', async () => {
    const size = 24 * MIB;
    const image = scattered(size);
    const [raw, vhd, back] = ['disk.raw', 'disk.vhd', 'back.vhd'].map((name) => join(host.root, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(raw, image);
    await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on', raw, vhd);
    for (const format of ['raw', 'qcow2'] as const) {
      const vdi = await newVdi(size, format);
      const path = withSession(`/import_raw_vdi/?vdi=${vdi}&format=vhd`);
      expect((await http('PUT', path, { body: readFileSync(vhd) })).status, format).toBe(200);
      expect((await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}`))).body.equals(image), format).toBe(true);
      const out = await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}&format=vhd`));
      expect(out.headers['content-length']).toBe(String(out.body.length));
      // A raw file tells nobody what of it is zeroes.
      if (format === 'qcow2') expect(out.body.length).toBeLessThan(20 * MIB);
      writeFileSync(back, out.body);
      await qemuImg('check', '-f', 'vpc', back).catch((error: Error) => {
        // qemu-img cannot check this format, and says only that.
        expect(error.message).toMatch(/does not support checks/);
      });
      await qemuImg('compare', '-f', 'vpc', '-F', 'raw', back, raw);
      // Over what is there: what the second image does not have must not be what the first had.
      writeFileSync(raw, Buffer.concat([randomBytes(MIB), Buffer.alloc(size - MIB)]));
      await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on', raw, back);
      expect((await http('PUT', path, { body: readFileSync(back) })).status).toBe(200);
      const again = (await http('GET', withSession(`/export_raw_vdi?vdi=${vdi}`))).body;
      expect(again.equals(readFileSync(raw)), `${format} again`).toBe(true);
      writeFileSync(raw, image);
      await xen.call('VDI.destroy', vdi);
    }
  });

  test('a body that is no VHD fails, and so does one of a larger disk', async () => {
    const vdi = await newVdi(MIB, 'qcow2');
    const failed = async (body: Buffer): Promise<unknown> => {
      const task = String(await xen.call('task.create', 'import', 'of a bad image'));
      const path = withSession(`/import_raw_vdi?vdi=${vdi}&format=vhd&task_id=${task}`);
      await http('PUT', path, { body }).catch(() => {});
      return eventually(async () => {
        const status = await xen.call('task.get_status', task);
        return status === 'pending' ? undefined : status;
      });
    };
    expect(await failed(randomBytes(8192))).toBe('failure');
    const [raw, vhd] = [join(host.root, 'large.raw'), join(host.root, 'large.vhd')];
    writeFileSync(raw, Buffer.alloc(4 * MIB, 1));
    await qemuImg('convert', '-f', 'raw', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on', raw, vhd);
    expect(await failed(readFileSync(vhd))).toBe('failure');
    expect(await failed(readFileSync(vhd).subarray(0, 3000))).toBe('failure');
    await xen.call('VDI.destroy', vdi);
  });

  test('what cannot be transferred is refused, and its task fails', async () => {
    const statusOf = async (method: string, path: string): Promise<number> => (await http(method, path)).status;
    const vdi = await newVdi(MIB, 'raw');
    expect(await statusOf('GET', `/export_raw_vdi?vdi=${vdi}`)).toBe(401);
    expect(await statusOf('GET', `/export_raw_vdi?vdi=${vdi}&session_id=OpaqueRef:nobody`)).toBe(401);
    expect(await statusOf('GET', withSession('/export_raw_vdi?vdi=OpaqueRef:none'))).toBe(404);
    expect(await statusOf('GET', withSession(`/export_raw_vdi?vdi=${vdi}&format=floppy`))).toBe(404);
    const task = String(await xen.call('task.create', 'export', 'in another format'));
    expect(await statusOf('GET', withSession(`/export_raw_vdi?vdi=${vdi}&format=tar&task_id=${task}`))).toBe(501);
    expect(await xen.call('task.get_status', task)).toBe('failure');
    expect(((await xen.call('task.get_error_info', task)) as string[])[0]).toBe('NOT_IMPLEMENTED');
    const long = await http('PUT', withSession(`/import_raw_vdi?vdi=${vdi}`), { body: randomBytes(2 * MIB) }).catch(
      () => undefined,
    );
    expect(long?.status).not.toBe(200);
    await xen.call('VDI.destroy', vdi);
  });

  const running = async (): Promise<{ vm: string; console: string; location: URL }> => {
    const vms = (await xen.call('VM.get_all_records')) as Record<string, { is_default_template: boolean }>;
    const template = Object.entries(vms).find(([, vm]) => vm.is_default_template)?.[0] ?? '';
    const vm = String(await xen.call('VM.clone', template, 'with a screen'));
    await xen.call('VM.provision', vm);
    await xen.call('VM.start', vm, false, false);
    const [console = ''] = await eventually(async () => {
      const all = (await xen.call('VM.get_consoles', vm)) as string[];
      return all.length > 0 ? all : undefined;
    });
    expect(await xen.call('console.get_protocol', console)).toBe('rfb');
    return { vm, console, location: new URL(String(await xen.call('console.get_location', console))) };
  };

  const tunnel = (target: string, headers: string): Promise<{ head: string; socket: TLSSocket; rest: Buffer }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(endpoint.url);
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () =>
        socket.write(`CONNECT ${target} HTTP/1.0\r\n${headers}\r\n`),
      );
      let came = Buffer.alloc(0);
      const listen = (part: Buffer): void => {
        came = Buffer.concat([came, part]);
        const end = came.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', listen);
        resolve({ head: came.toString('latin1', 0, end), socket, rest: came.subarray(end + 4) });
      };
      socket.on('data', listen).once('error', reject);
    });
  const read = async (socket: TLSSocket, rest: Buffer, count: number): Promise<Buffer> => {
    let came = rest;
    while (came.length < count)
      came = Buffer.concat([came, await new Promise<Buffer>((resolve) => socket.once('data', resolve))]);
    return came;
  };

  test('the screen of a running VM: RFB through CONNECT and through WebSocket', async () => {
    const { vm, console, location } = await running();
    try {
      const session = `Cookie: session_id=${xen.session()}\r\n`;
      for (const query of [
        location.search.slice(1),
        `ref=${console}`,
        `uuid=${String(await xen.call('VM.get_uuid', vm))}`,
      ]) {
        const { head, socket, rest } = await tunnel(`/console?${query}`, session);
        expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
        expect((await read(socket, rest, 12)).toString('latin1'), query).toMatch(/^RFB 003\.\d{3}\n$/);
        socket.write('RFB 003.008\n');
        const types = await read(socket, Buffer.alloc(0), 2);
        // 1: no password.
        expect([...types.subarray(1)]).toContain(1);
        socket.destroy();
      }
      const ws = new WebSocket(location.href.replace(/^https/, 'wss'), ['binary'], {
        rejectUnauthorized: false,
        headers: { cookie: `session_id=${xen.session()}` },
      });
      const greeting = await new Promise<Buffer>((resolve, reject) => {
        ws.once('message', (data: Buffer) => resolve(data));
        ws.once('error', reject);
      });
      expect(ws.protocol).toBe('binary');
      expect(greeting.toString('latin1')).toMatch(/^RFB 003\.\d{3}\n$/);
      const answered = new Promise<Buffer>((resolve) => ws.once('message', (data: Buffer) => resolve(data)));
      ws.send(Buffer.from('RFB 003.008\n'));
      expect([...(await answered)]).toContain(1);
      const closed = new Promise<number>((resolve) => ws.once('close', resolve));
      // The end of the machine is the end of its screen.
      await xen.call('VM.hard_shutdown', vm);
      expect([1000, 1011]).toContain(await closed);
      expect((await tunnel(`/console?ref=${console}`, session)).head).toMatch(/^HTTP\/1\.1 [45]/);
      expect((await tunnel(location.pathname + location.search, '')).head).toMatch(/^HTTP\/1\.1 401 /);
    } finally {
      await xen.call('VM.hard_shutdown', vm).catch(() => {});
      await xen.call('VM.destroy', vm).catch(() => {});
    }
  });
});
