/** Secrets that clients send or get are found nowhere afterwards: not in logs, not at the admin endpoint, not in the state directory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { envelope, type RawSoap, rawSoap } from './raw-soap.ts';
import { adminPages, newSecretSearch, stateFiles } from './secret-search.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const RIGHT = 'Right-Password-6f1c';
const BASIC = (user: string, password: string): string => Buffer.from(`${user}:${password}`).toString('base64');

describeWith(LIBVIRT_CLIENTS, 'secrets', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let soap: RawSoap;
  const { secrets, secret, leaks } = newSecretSearch();

  beforeAll(async () => {
    host = await startLibvirtd();
    product = await startTransvisor({ host: host.uri, password: RIGHT });
    soap = rawSoap(product);
    secret('the right password', RIGHT);
    const { cookie, fault } = await soap.logIn();
    expect(fault).toBeUndefined();
    const token = /="?([^"]+)/.exec(cookie ?? '')?.[1] ?? '';
    // The id of a session is in its record; what proves it is not.
    secret('the cookie', token);
    secret('the proof in the cookie', token.slice(token.lastIndexOf('-') + 1));

    const manager = await soap.manager('sessionManager');
    const other = rawSoap(product);
    expect((await other.logIn('root', secret('a wrong password', 'Wrong-Password-91ab'))).fault).toBe('InvalidLogin');
    expect((await other.logIn('stranger', secret("a stranger's password", 'Strange-Password-77de'))).fault).toBe(
      'InvalidLogin',
    );
    const invented = secret('an invented cookie', 'Invented-Cookie-52e0a6f0c7d1');
    const time = envelope(
      '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>',
    );
    expect((await other.post(time, { Cookie: `vmware_soap_session="${invented}"` })).fault).toBe('NotAuthenticated');

    const acquired = await soap.call('AcquireCloneTicket', 'SessionManager', manager);
    const ticket = secret('a clone ticket', /<returnval[^>]*>([^<]+)</.exec(acquired.text)?.[1] ?? '');
    expect(ticket.length).toBeGreaterThan(16);
    const clone = await other.call('CloneSession', 'SessionManager', manager, `<cloneTicket>${ticket}</cloneTicket>`);
    expect(clone.fault).toBeUndefined();
    secret('the cookie of a clone', /="?([^"]+)/.exec(clone.cookie ?? '')?.[1] ?? '');
    const wrong = secret('a wrong clone ticket', 'cst-wrong-ticket-0be1');
    expect(
      (await other.call('CloneSession', 'SessionManager', manager, `<cloneTicket>${wrong}</cloneTicket>`)).fault,
    ).toBe('InvalidLogin');
    await soap.call(
      'LoginBySSPI',
      'SessionManager',
      manager,
      `<base64Token>${secret('an SSPI token', 'SspiToken58b2')}</base64Token>`,
    );

    // Secrets inside calls that go to the server.
    const vm = await soap.vm('test');
    const option = (key: string, value: string): string =>
      `<spec><extraConfig><key>${key}</key><value xsi:type="xsd:string">${value}</value></extraConfig></spec>`;
    for (const key of ['RemoteDisplay.vnc.password', 'guestinfo.secret.token'])
      await soap.run(
        'ReconfigVM_Task',
        'VirtualMachine',
        vm,
        option(key, secret(`extraConfig ${key}`, `Option-${key.length}-4c3d`)),
      );
    const shown = await soap.call('AcquireTicket', 'VirtualMachine', vm, '<ticketType>vnc</ticketType>');
    const given = /<ticket>([^<]{8,})</.exec(shown.text)?.[1];
    if (given !== undefined) secret('a screen ticket', given);
    const nas = `<spec><remoteHost>h</remoteHost><remotePath>/p</remotePath><localPath>nas</localPath><accessMode>readWrite</accessMode><type>CIFS</type><userName>u</userName><password>${secret('a NAS password', 'Nas-Password-2f2f')}</password></spec>`;
    await soap.call('CreateNasDatastore', 'HostDatastoreSystem', 'ha-datastoresystem', nas);
    const files = new URL('/folder/x?dcPath=ha-datacenter&dsName=default-pool', product.url);
    await soap.get(
      `${files.pathname}${files.search}&password=${secret('a password in a query', 'Query-Password-c0de')}`,
    );
    const basic = BASIC('root', secret('a Basic password', 'Basic-Password-d00d'));
    secret('a Basic header', basic);
    await soap.post(time, { Authorization: `Basic ${basic}`, Cookie: '' });
    // A bad request's text must not be logged either.
    await soap.post(`<Envelope><password>${secret('a password in broken XML', 'Broken-Password-8a8a')}</Envelope>`);
    other.close();
    // Hops and counts come once a second.
    await new Promise((resolve) => setTimeout(resolve, 1300));
  });
  afterAll(async () => {
    soap?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('a display keeps its password through a new definition of its VM', async () => {
    // No client sent it; the tests below look for it as well.
    const display = secret('the password of a display', 'Display-Password-3b1e');
    const file = join(host.root, 'guarded.xml');
    writeFileSync(
      file,
      `<domain type='test'><name>guarded</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices><graphics type='vnc' port='-1' passwd='${display}'/></devices></domain>`,
    );
    await host.virsh('define', file);
    await expect.poll(() => soap.vm('guarded').catch(() => ''), { timeout: 10_000 }).not.toBe('');
    const guarded = await soap.vm('guarded');
    expect(
      await soap.run(
        'CreateSnapshot_Task',
        'VirtualMachine',
        guarded,
        '<name>one</name><memory>false</memory><quiesce>false</quiesce>',
      ),
    ).toBeUndefined();
    expect(
      await soap.run(
        'ReconfigVM_Task',
        'VirtualMachine',
        guarded,
        '<spec><memoryMB>48</memoryMB><numCPUs>2</numCPUs></spec>',
      ),
    ).toBeUndefined();
    const read = (...flags: string[]): Promise<string> => host.virsh('dumpxml', 'guarded', '--inactive', ...flags);
    expect(await read()).toContain("<memory unit='KiB'>49152</memory>");
    expect(await read()).not.toContain('passwd');
    expect(await read('--security-info')).toContain(`passwd='${secrets.get('the password of a display')}'`);
  });
  test('there are some, all different', () => {
    expect(secrets.size).toBeGreaterThanOrEqual(14);
    expect([...secrets.values()].every((value) => value.length >= 8)).toBe(true);
    expect(new Set(secrets.values()).size).toBe(secrets.size);
  });
  test('a leak is found', () => {
    expect(leaks([['here', `xx ${RIGHT} xx`]])).toEqual(['the right password in here']);
    expect(leaks([['there', Buffer.from(RIGHT).toString('base64')]])).toHaveLength(1);
  });
  test('not in the log', () => {
    expect(leaks([['the log', product.wholeLog()]])).toEqual([]);
    expect(product.wholeLog()).toContain('login refused');
  });
  test('not at the admin endpoint', async () => {
    const pages = await adminPages(product);
    expect(pages.length).toBeGreaterThan(8);
    expect(leaks(pages)).toEqual([]);
    expect(pages.every(([, text]) => !text.includes(product.admin.token))).toBe(true);
  });
  test('not in the state directory, but for what a VM is configured with', () => {
    const found = leaks(stateFiles(product)).filter((leak) => !leak.startsWith('extraConfig '));
    expect(stateFiles(product).length).toBeGreaterThan(2);
    expect(found).toEqual([]);
  });
  test('not on the command line', () => {
    const lines = product
      .pids()
      .map((pid) => [`the command line of ${pid}`, readFileSync(`/proc/${pid}/cmdline`, 'latin1')] as const);
    expect(leaks(lines)).toEqual([]);
  });
});
