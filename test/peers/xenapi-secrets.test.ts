/** Secrets that XenAPI clients send or get are found nowhere afterwards: not in logs, not at the admin endpoint, not in the state directory. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { adminPages, newSecretSearch, stateFiles } from './secret-search.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const RIGHT = 'Right-Password-2b7d';

describeWith(LIBVIRT_CLIENTS, 'secrets of XenAPI', () => {
  let host: Libvirtd;
  let product: Transvisor;
  const { secret, leaks } = newSecretSearch();

  beforeAll(async () => {
    host = await startLibvirtd();
    product = await startTransvisor({ host: host.uri, password: RIGHT, fronts: ['xenapi'] });
    const { url, user } = product.front('xenapi');
    secret('the right password', RIGHT);
    const insecure = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const post = async (path: string, body: string): Promise<string> =>
        (await fetch(`${url}${path}`, { method: 'POST', body })).text();
      const call = async (
        method: string,
        ...params: readonly unknown[]
      ): Promise<{ result?: unknown; error?: unknown }> =>
        JSON.parse(await post('/jsonrpc', JSON.stringify({ method, params, id: 1 }))) as { result?: unknown };
      const login = async (name: string, password: string): Promise<unknown> =>
        (await call('session.login_with_password', name, password)).result;

      const session = String(await login(user, RIGHT));
      const token = secret('the session', session.slice('OpaqueRef:'.length));
      secret('the proof in the session', token.slice(token.lastIndexOf('-') + 1));
      expect(await login(user, secret('a wrong password', 'Wrong-Password-5c1d'))).toBeNull();
      expect(await login('stranger', secret("a stranger's password", 'Strange-Password-90aa'))).toBeNull();
      await post(
        '/RPC2',
        `<methodCall><methodName>session.login_with_password</methodName><params><param><value>root</value></param><param><value>${secret('a password in XML-RPC', 'Xml-Password-11b2')}</value></param></params></methodCall>`,
      );
      // As parameters of calls that are about the session itself, or are wrong in some way.
      await call('session.get_uuid', session, session);
      await call('VM.get_record', session, session);
      await call('VM.get_record', secret('an invented session', 'OpaqueRef:Invented-Session-77c0'), 'OpaqueRef:x');
      await call('session.change_password', session, RIGHT, secret('a new password', 'New-Password-3e3e'));
      await call('session.slave_login', 'OpaqueRef:x', secret("a pool's secret", 'Pool-Secret-6a6a'));
      await call('secret.create', session, {
        value: secret('the value of a secret', 'Secret-Value-4d4d'),
        other_config: {},
      });
      await call(
        'SR.create',
        session,
        'OpaqueRef:x',
        { cifspassword: secret('a share password', 'Share-Password-8e8e') },
        0,
        'n',
        '',
        'smb',
        '',
        false,
        {},
      );
      await call(
        'session.login_with_password',
        user,
        secret('a password that is too many', 'Many-Password-2222'),
        '1',
        'a',
        'b',
      );
      const [vm] = (await call('VM.get_all', session)).result as string[];
      await call(
        'VM.add_to_xenstore_data',
        session,
        vm,
        'vm-data/password',
        secret('a password for a guest', 'Guest-Password-abab'),
      );

      const basic = Buffer.from(`${user}:${secret('a Basic password', 'Basic-Password-cdcd')}`).toString('base64');
      secret('a Basic header', basic);
      await fetch(`${url}/export_raw_vdi?vdi=x`, { headers: { authorization: `Basic ${basic}` } });
      await fetch(
        `${url}/export_raw_vdi?vdi=x&session_id=${session}&pool_secret=${secret('a pool secret in a query', 'Query-Secret-efef')}`,
      );
      await fetch(`${url}/rrd_updates?start=0`, { headers: { cookie: `session_id=${session}` } });
      await post(
        '/RPC2',
        `<methodCall><password>${secret('a password in broken XML', 'Broken-Password-1a1a')}</methodCall>`,
      );
      await post('/jsonrpc', `{"password":"${secret('a password in broken JSON', 'Broken-Password-2b2b')}"`);
    } finally {
      if (insecure === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = insecure;
    }
    // Hops and counts come once a second.
    await new Promise((resolve) => setTimeout(resolve, 1300));
  });
  afterAll(async () => {
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('the log holds none', () => {
    const log = product.wholeLog();
    expect(log).toContain('login refused');
    expect(leaks([['the log', log]])).toEqual([]);
  });

  test('the admin endpoint shows none', async () => {
    const shown = await adminPages(product);
    expect(shown.length).toBeGreaterThan(8);
    expect(leaks(shown)).toEqual([]);
  });

  test('the state directory keeps none, but for what a VM is configured with', () => {
    const kept = stateFiles(product);
    expect(kept.length).toBeGreaterThan(2);
    expect(leaks(kept).filter((leak) => !leak.startsWith('a password for a guest'))).toEqual([]);
  });
});
