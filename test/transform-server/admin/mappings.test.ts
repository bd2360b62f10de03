/** Mappings over the admin API: tables, coverage, sheets; the playground; sheets that are changed, refused and withdrawn. With the project's own platforms. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLATFORMS } from '../../../mappings/platforms.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { createServer, type Server } from '../../../transform-server/server.ts';
import { temporaryFolder } from '../../temporary.ts';
import { accountsOf, logIn, TOKEN } from './rig.ts';

const SHEET = 'libvirt.to-generic.vm';
let server: Server;
let admin: Admin;
let state: string;

const open = async (): Promise<void> => {
  server = createServer({
    stateDir: state,
    platforms: PLATFORMS,
    clock: systemClock,
    log: silentLog,
    program: fileURLToPath(new URL('../../../', import.meta.url)),
  });
  const accounts = await accountsOf({ vic: 'read-only' });
  admin = await openAdmin({ inspected: server.inspected, token: TOKEN, accounts, strict: true });
};
const close = async (): Promise<void> => {
  await admin.close();
  await server.close();
};

beforeAll(async () => {
  state = temporaryFolder();
  await open();
});
afterAll(close);

const ask = async <T>(path: string, method = 'GET', body?: unknown): Promise<{ status: number; json: T }> => {
  const answer = await fetch(`${admin.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: (await answer.json()) as T };
};

interface Made {
  readonly text?: string;
  readonly problem?: string;
}
interface Played {
  readonly hops: readonly {
    readonly shape: string;
    readonly sheet?: string;
    readonly made: Made;
    readonly changed?: Made;
  }[];
  readonly verdict?: {
    readonly problem?: string;
    readonly pairs: readonly { readonly name: string; readonly why?: string }[];
  };
  readonly request?: Record<string, unknown>;
  readonly detail?: string;
}
const play = (body: unknown) => ask<Played>('/playground', 'POST', body);
const hopOf = ({ hops }: Played, shape: string) => hops.find((one) => one.shape === shape);
const textOf = async (): Promise<string> => (await ask<{ text: string }>(`/sheets/${SHEET}`)).json.text;

describe('what there is', () => {
  it('tells each platform, its commands, what it covers and its sheets', async () => {
    const { json } = await ask<{ items: { name: string; methods: number; pairs: number; front: boolean }[] }>(
      '/mappings',
    );
    expect(json.items.map(({ name, front }) => [name, front])).toEqual([
      ['libvirt', false],
      ['sim', false],
      ['vim25', true],
      ['xenapi', true],
    ]);
    const rows = await ask<{ items: unknown[]; next: string | null }>('/mappings/vim25/commands?q=PowerOnVM_Task');
    expect(rows.json.items).toMatchObject([{ on: 'VirtualMachine', route: 'direct', verb: 'vm.start', job: true }]);
    const first = await ask<{ items: unknown[]; next: string }>('/mappings/vim25/commands?limit=500');
    const next = await ask<{ items: unknown[] }>(`/mappings/vim25/commands?limit=500&cursor=${first.json.next}`);
    expect(next.json.items.length).toBe(500);
    const coverage = await ask<{ routes: Record<string, number>; verbs: { verb: string }[] }>(
      '/mappings/vim25/coverage',
    );
    const sum = Object.values(coverage.json.routes).reduce((a, b) => a + b, 0);
    expect(sum).toBe(json.items.find(({ name }) => name === 'vim25')?.methods);
    expect(coverage.json.verbs.map(({ verb }) => verb)).toContain('vm.start');
    const sheets = await ask<{ items: { id: string; pairs: number; failing: number }[] }>('/mappings/libvirt/sheets');
    expect(sheets.json.items.find(({ id }) => id === SHEET)).toMatchObject({ failing: 0, direction: 'toGeneric' });
    expect((await ask('/mappings/none/sheets')).status).toBe(404);
  });

  it('tells a sheet by its id and by its path, with what its golden pairs say', async () => {
    for (const id of [SHEET, 'mappings/libvirt/to-generic/vm.xsl']) {
      const { json } = await ask<{ golden: { name: string; why?: string }[]; text: string; hash: string }>(
        `/sheets/${encodeURIComponent(id)}`,
      );
      expect(json.text).toContain('<xsl:stylesheet');
      expect(json.hash).toMatch(/^[0-9a-f]{64}$/);
      expect(json.golden.map(({ name }) => name)).toContain('libvirt/domain-many-unknown.generic.xml');
      expect(json.golden.filter(({ why }) => why !== undefined)).toEqual([]);
    }
    expect((await ask('/sheets/none')).status).toBe(404);
  });
});

describe('the playground', () => {
  it('shows every hop of a golden pair, in the words of a front, and of a change', async () => {
    const { status, json } = await play({
      platform: 'libvirt',
      kind: 'golden',
      document: 'libvirt/domain-many-unknown+memory.changed.xml',
      front: 'vim25',
    });
    expect(status, json.detail).toBe(200);
    expect(json.hops.map(({ shape, sheet }) => [shape, sheet])).toEqual([
      ['native', undefined],
      ['generic', SHEET],
      ['rendered', 'vim25.from-generic.vm'],
      ['after', undefined],
      ['changed', 'libvirt.from-generic.vm'],
    ]);
    expect(json.hops.filter(({ made }) => made.problem !== undefined)).toEqual([]);
    expect(hopOf(json, 'rendered')?.made.text).toContain('<memoryMB>');
  });

  it('takes a domain as virsh dumps it', async () => {
    const golden = await play({
      platform: 'libvirt',
      kind: 'golden',
      document: 'libvirt/domain-test-driver.generic.xml',
    });
    const native = hopOf(golden.json, 'native')?.made.text ?? '';
    const domain = (/<domain[\s\S]*<\/domain>/.exec(native)?.[0] ?? '').replace(/<name>[^<]*/, '<name>pasted');
    const { status, json } = await play({ platform: 'libvirt', kind: 'native', document: domain, front: 'xenapi' });
    expect(status, json.detail).toBe(200);
    expect(hopOf(json, 'generic')?.made.text).toContain('<name>pasted</name>');
    expect(hopOf(json, 'rendered')?.made.text).toContain('pasted');
  });

  it('shows what an edited copy of a sheet would do, and what its golden pairs say of it', async () => {
    const text = await textOf();
    const edited = text.replace('<name><xsl:value-of', '<name>edited-<xsl:value-of');
    expect(edited).not.toBe(text);
    const asked = { platform: 'libvirt', kind: 'golden', document: 'libvirt/domain-template.generic.xml' };
    const { json } = await play({ ...asked, sheet: { id: SHEET, text: edited } });
    expect(hopOf(json, 'generic')?.made.text).not.toContain('edited');
    expect(hopOf(json, 'generic')?.changed?.text).toContain('<name>edited-golden-image</name>');
    expect(json.verdict?.pairs.length).toBeGreaterThan(3);
    expect(json.verdict?.pairs.every(({ why }) => why?.includes('another document'))).toBe(true);
    // Nothing of it is in use.
    expect(hopOf((await play(asked)).json, 'generic')?.made.text).not.toContain('edited');
    const broken = await play({ ...asked, sheet: { id: SHEET, text: 'no sheet' } });
    expect(broken.json.verdict?.problem).toMatch(/well-formed/);
    expect(hopOf(broken.json, 'generic')).toMatchObject({
      made: { text: expect.any(String) },
      changed: { problem: expect.any(String) },
    });
  });

  it('refuses document types, entities and what is no document, with the reason', async () => {
    const base = { platform: 'libvirt', kind: 'native', front: 'vim25' };
    for (const [document, why] of [
      ['<!DOCTYPE domain [<!ENTITY e SYSTEM "file:///etc/passwd">]><domain>&e;</domain>', /document types/],
      ['<unknown/>', /not what a host/],
      ['words', /not what a host/],
      ['<native kind="vm" native="x"></native>', /holds <part>/],
    ] as const) {
      const { status, json } = await play({ ...base, document });
      expect([status, json.detail]).toEqual([422, expect.stringMatching(why)]);
    }
    const entity = await play({ ...base, document: '<domain type="test"><name>&undeclared;</name></domain>' });
    expect(hopOf(entity.json, 'generic')?.made.problem).toMatch(/entity|well-formed|undeclared/i);
    expect((await play({ ...base, document: 'x'.repeat(300_000) })).status).toBe(400);
  });

  it('reads a client’s request of each kind', async () => {
    const soap =
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><PowerOnVM_Task xmlns="urn:vim25"><_this type="VirtualMachine">42</_this></PowerOnVM_Task></soapenv:Body></soapenv:Envelope>';
    const start = await play({ platform: 'vim25', kind: 'request', document: soap });
    expect(start.json.request).toMatchObject({
      path: '/sdk',
      call: { method: 'PowerOnVM_Task', target: { type: 'VirtualMachine', id: '42' } },
      route: 'direct',
      command: { verb: 'vm.start', target: 'vm-42' },
    });
    const whole = await play({
      platform: 'vim25',
      kind: 'request',
      document: `POST /sdk HTTP/1.1\r\nHost: h\r\nSOAPAction: "urn:vim25/7.0"\r\n\r\n${soap}`,
    });
    expect(whole.json.request).toMatchObject({ call: { method: 'PowerOnVM_Task' } });
    const json = await play({
      platform: 'xenapi',
      kind: 'request',
      document:
        '{"jsonrpc":"2.0","id":1,"method":"session.login_with_password","params":["root","a secret of root","1.0","me"]}',
    });
    expect(json.json.request).toMatchObject({ path: '/jsonrpc', route: 'session' });
    expect(JSON.stringify(json.json)).not.toContain('a secret of root');
    const xml = await play({
      platform: 'xenapi',
      kind: 'request',
      document:
        '<methodCall><methodName>VM.destroy</methodName><params><param><value><string>OpaqueRef:s</string></value></param><param><value><string>OpaqueRef:v</string></value></param></params></methodCall>',
    });
    expect(xml.json.request).toMatchObject({
      path: '/',
      route: 'central',
      instead: expect.stringMatching(/no front of it/),
    });
    expect((await play({ platform: 'vim25', kind: 'request', document: 'nonsense' })).status).toBe(422);
    expect((await play({ platform: 'libvirt', kind: 'request', document: soap })).json.detail).toMatch(
      /no client speaks/,
    );
  });

  it('is for viewers as well, and leaves no line in the audit', async () => {
    const vic = await logIn(admin, 'vic');
    const headers = { ...vic.headers, 'content-type': 'application/json' };
    const as = (path: string, method: string, body: unknown): Promise<Response> =>
      fetch(`${admin.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    const asked = { platform: 'sim', kind: 'golden', document: 'sim/vm.generic.xml' };
    expect((await as('/playground', 'POST', asked)).status).toBe(200);
    expect((await as(`/sheets/${SHEET}`, 'PUT', { text: 'x' })).status).toBe(403);
    const audit = await ask<{ items: { method: string }[] }>('/audit');
    expect(audit.json.items.map(({ method }) => method)).not.toContain('POST /playground');
  });
});

it('accepts a sheet, keeps it over a restart, shows who changed it, and withdraws it; one that breaks golden pairs is refused', {
  timeout: 60_000,
}, async () => {
  const text = await textOf();
  const worse = await ask<{ detail: string }>(`/sheets/${SHEET}`, 'PUT', {
    text: text.replace('<vm>', '<vm><xsl:comment>x</xsl:comment>'),
  });
  expect([worse.status, worse.json.detail]).toEqual([
    409,
    expect.stringContaining('libvirt/domain-many-unknown.generic.xml'),
  ]);
  expect(await textOf()).toBe(text);
  const better = text.replace('</xsl:stylesheet>', '<!-- as we like it -->\n</xsl:stylesheet>');
  const taken = await ask(`/sheets/${SHEET}`, 'PUT', { text: better });
  expect(taken).toMatchObject({ status: 200, json: { changed: ['mappings/libvirt/to-generic/vm.xsl'] } });
  expect((await ask(`/sheets/${SHEET}`)).json).toMatchObject({
    text: better,
    changedHere: { outdated: false },
    failing: 0,
  });
  const audit = await ask<{ items: unknown[] }>('/audit');
  expect(audit.json.items).toContainEqual(expect.objectContaining({ method: 'PUT /sheets/:id', outcome: 'success' }));
  expect(audit.json.items).toContainEqual(expect.objectContaining({ method: 'PUT /sheets/:id', outcome: '409' }));
  await close();
  await open();
  expect(await textOf()).toBe(better);
  expect((await ask(`/sheets/${SHEET}`, 'DELETE')).status).toBe(200);
  expect(await textOf()).toBe(text);
  expect((await ask(`/sheets/${SHEET}`)).json).not.toHaveProperty('changedHere');
});
