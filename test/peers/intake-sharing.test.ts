/** One address and port for the clients of two vendors, from two flags: calls of every kind, events, uploads, images of disks and the screen. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { freePort } from './gate-product.ts';
import { startLibvirtd } from './libvirtd.ts';
import { rawXenApi } from './raw-xenapi.ts';
import { type FrontEndpoint, startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, openXenPython, seenBy, vmNamed } from './xen-clients.ts';
import { newDisk } from './xen-records.ts';

const MIB = 1024 * 1024;

describeWith([...LIBVIRT_CLIENTS, 'govc', 'xen-api', 'xenapi-py'], 'one address and port for two APIs', () => {
  const stack = new AsyncDisposableStack();
  let product: Transvisor;
  let vim: FrontEndpoint;
  let xen: FrontEndpoint;
  beforeAll(async () => {
    const host = stack.use(await startLibvirtd({ qemu: true }));
    const machine = join(host.root, 'machine.xml');
    writeFileSync(
      machine,
      "<domain type='qemu'><name>shared</name><memory unit='MiB'>16</memory><os><type machine='pc'>hvm</type></os><devices><graphics type='vnc' autoport='yes'/></devices></domain>",
    );
    await host.virsh('define', machine);
    const port = await freePort();
    product = stack.use(
      await startTransvisor({
        host: host.uri,
        fronts: ['vim25', 'xenapi'],
        ports: { vim25: port, xenapi: port },
      }),
    );
    [vim, xen] = [product.front('vim25'), product.front('xenapi')];
    expect([new URL(vim.url).port, new URL(xen.url).port]).toEqual([String(port), String(port)]);
  });
  afterAll(() => stack.disposeAsync());

  /** A whole exchange by hand, on a connection of its own. */
  const ask = (
    method: string,
    path: string,
    more: { readonly headers?: Record<string, string>; readonly body?: Buffer | string } = {},
  ): Promise<{ readonly status: number; readonly type: string; readonly body: Buffer }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(xen.url);
      const { headers = {}, body } = more;
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const out = request(
        { hostname, port, path, method, agent: false, rejectUnauthorized: false, headers: { ...length, ...headers } },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject);
          answer.once('end', () => {
            const { statusCode = 0, headers: fields } = answer;
            resolve({ status: statusCode, type: String(fields['content-type']), body: Buffer.concat(parts) });
          });
        },
      );
      out.once('error', reject).end(body);
    });

  test('what one vendor’s client does, the other’s sees, both connected', async () => {
    const govc = govcOn(vim);
    const { url, user, password, fingerprint256 } = xen;
    const endpoint = { url, user, password, fingerprint: fingerprint256 };
    const xapi = await openXenApi(endpoint, 'auto');
    stack.defer(() => xapi.disconnect());
    const { $ref } = await seenBy('the machine', () => vmNamed(xapi, 'shared'));
    await xapi.call('VM.start', $ref, false, false);
    expect(await govc('vm.info', 'shared')).toContain('poweredOn');
    await govc('vm.power', '-off', 'shared');
    await seenBy('that it is off', () => (vmNamed(xapi, 'shared')?.['power_state'] === 'Halted' ? true : undefined));
    // XML-RPC, which is posted to "/".
    const python = await openXenPython(endpoint);
    stack.defer(() => python.close());
    await python.login();
    const names = Object.values((await python.call('VM.get_all_records')) as Record<string, { name_label: string }>);
    expect(names.map(({ name_label }) => name_label)).toContain('shared');
  });

  test('files of the one and images of the other, on their way at once', async () => {
    const folder = temporaryFolder();
    const [file, image] = [randomBytes(6 * MIB + 1), randomBytes(8 * MIB)];
    const path = (name: string): string => join(folder, name);
    writeFileSync(path('up'), file);
    const govc = govcOn(vim);
    const raw = rawXenApi(xen);
    stack.defer(() => raw.close());
    await raw.logIn();
    const [sr = ''] = (await raw.call('SR.get_all')) as string[];
    const vdi = String(await raw.call('VDI.create', newDisk(sr, String(image.length), { name_label: 'image' })));
    const cookie = { cookie: `session_id=${raw.session()}` };
    const [put] = await Promise.all([
      ask('PUT', `/import_raw_vdi?vdi=${vdi}&format=raw`, { headers: cookie, body: image }),
      govc('datastore.upload', path('up'), 'up.iso'),
    ]);
    expect(put.status).toBe(200);
    const [got] = await Promise.all([
      ask('GET', `/export_raw_vdi?vdi=${vdi}&format=raw`, { headers: cookie }),
      govc('datastore.download', 'up.iso', path('down')),
    ]);
    expect(got.status).toBe(200);
    expect(got.body.equals(image)).toBe(true);
    expect(readFileSync(path('down')).equals(file)).toBe(true);
  });

  test('the screen by CONNECT, with what a client sends at once behind it', async () => {
    const raw = rawXenApi(xen);
    stack.defer(() => raw.close());
    await raw.logIn();
    const govc = govcOn(vim);
    await govc('vm.power', '-on', 'shared');
    const [vm = ''] = (await raw.call('VM.get_by_name_label', 'shared')) as string[];
    const [console = ''] = (await raw.call('VM.get_consoles', vm)) as string[];
    const { hostname, port } = new URL(xen.url);
    const socket: TLSSocket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    stack.defer(() => void socket.destroy());
    let heard = '';
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    socket.write(
      `CONNECT /console?ref=${console} HTTP/1.0\r\nCookie: session_id=${raw.session()}\r\n\r\nRFB 003.008\n`,
    );
    await expect
      .poll(() => heard, { timeout: 10_000 })
      .toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nRFB 003\.\d{3}\n/);
    await govc('vm.power', '-off', 'shared');
  });

  test('one connection speaks both, and what is neither’s is answered by the first', async () => {
    const { hostname, port } = new URL(xen.url);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    stack.defer(() => void socket.destroy());
    let heard = '';
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    const said = (type: string): Promise<void> => expect.poll(() => heard).toContain(type);
    const post = (path: string, type: string, body: string): void =>
      void socket.write(
        `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    post(
      '/',
      'text/xml',
      '<methodCall><methodName>system.isAlive:here</methodName><params><param><value>x</value></param></params></methodCall>',
    );
    await said('methodResponse');
    heard = '';
    post('/sdk', 'text/xml', 'none');
    await said('Fault');
    heard = '';
    post('/jsonrpc', 'application/json', '{"jsonrpc":"2.0","method":"nothing.at_all","params":[],"id":7}');
    await said('MESSAGE_METHOD_UNKNOWN');
    const welcome = await ask('GET', '/');
    expect([welcome.status, welcome.type]).toEqual([404, 'text/plain; charset=utf-8']);
    expect((await ask('GET', '/sdk/vimServiceVersions.xml')).body.toString()).toContain('urn:vim25');
    expect(await ask('GET', '/export')).toMatchObject({ status: 501, type: 'text/html' });
  });
});
