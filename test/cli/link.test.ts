/** The link on the command line: certificates issued and revoked as a person does it, and configurations of a link that are refused, each saying why. */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { issue, revoke } from '../../cli/ca-link.ts';
import { openLinkOf } from '../../cli/link.ts';
import { checkConfig } from '../../runtime/config.ts';
import { parseRevoked, serialOf } from '../../runtime/link-revoked.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';
import { refusalOf } from '../refusal.ts';
import { temporaryFolder } from '../temporary.ts';

const serial = (file: string): string => serialOf(new X509Certificate(readFileSync(file)).serialNumber);

describe('ca issue and ca revoke', () => {
  const state = temporaryFolder();
  const out = join(temporaryFolder(), 'kvm-1');

  test('three files a program needs, the key for its owner only', () => {
    issue(state, { agent: 'kvm-1', out });
    issue(state, { server: ['127.0.0.1', 'server.example'] });
    expect(statSync(`${out}.key`).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${out}-ca.crt`, 'utf8')).toBe(readFileSync(join(state, 'tls', 'ca.crt'), 'utf8'));
    const server = new X509Certificate(readFileSync(join(state, 'tls', 'link.crt')));
    expect([server.checkHost('server.example'), server.checkIP('127.0.0.1')]).toEqual(['server.example', '127.0.0.1']);
  });
  test('an older one is written over only when asked, and whom to trust stays as it was set', () => {
    expect(refusalOf(() => issue(state, { agent: 'kvm-1', out }))).toMatch(/kvm-1\.crt exists; --renew/);
    const before = serial(`${out}.crt`);
    writeFileSync(`${out}-ca.crt`, 'two authorities');
    issue(state, { agent: 'kvm-1', out, renew: true, days: '30' });
    expect(serial(`${out}.crt`)).not.toBe(before);
    expect(readFileSync(`${out}-ca.crt`, 'utf8')).toBe('two authorities');
    const days = (Date.parse(new X509Certificate(readFileSync(`${out}.crt`)).validTo) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(30);
  });
  test('what cannot be issued is told', () => {
    for (const flags of [{}, { agent: 'a', server: ['b'] }])
      expect(refusalOf(() => issue(state, flags))).toMatch(/--agent NAME, or --server NAME/);
    expect(refusalOf(() => issue(state, { agent: 'a b' }))).toMatch(/letters, digits/);
    expect(refusalOf(() => issue(state, { agent: 'a', days: '9999' }))).toMatch(/1 to 820/);
  });
  test('an agent is revoked with every certificate it was given, others by file or number, each once', () => {
    const list = join(state, 'link-revoked');
    revoke(state, 'kvm-1');
    expect(parseRevoked(readFileSync(list, 'utf8')).serials.size).toBe(2);
    expect(parseRevoked(readFileSync(list, 'utf8')).serials).toContain(serial(`${out}.crt`));
    revoke(state, `${out}.crt`);
    revoke(state, join(state, 'tls', 'link.crt'));
    revoke(state, '00:ab:cd:ef:01:23:45:67');
    const { serials, unread } = parseRevoked(readFileSync(list, 'utf8'));
    expect([serials.size, unread]).toEqual([4, []]);
    expect(serials).toContain('ABCDEF01234567');
    expect(refusalOf(() => revoke(state, 'nobody'))).toMatch(/no agent with a certificate/);
  });
});

describe('a configuration of the link', () => {
  /** A program with hosts is an agent. */
  const refusal = (link: object, state = temporaryFolder(), more: object = {}): string =>
    refusalOf(() => {
      const config = { ...checkConfig({ link, ...more }), state };
      const side = config.host.length > 0 ? 'agent' : 'server';
      openLinkOf(config, side, silentLog, () => new Secret('')).close();
    });

  test('over plain TCP leaves the machine only when that is said', () => {
    expect(refusal({ address: 'tcp:127.0.0.1:7443' })).toBe('');
    expect(refusal({ address: 'tcp:192.0.2.1:7443' })).toMatch(/not encrypted, and 192\.0\.2\.1 is not loopback/);
    expect(refusal({ address: 'tcp:192.0.2.1:7443', insecure: true })).toBe('');
    expect(refusal({ address: 'http://x' })).toMatch(/none of unix:PATH, tls:HOST:PORT and tcp:HOST:PORT/);
  });
  test('over TLS needs certificates of the right kind and name, that fit together', () => {
    const state = temporaryFolder();
    const link = { address: 'tls:127.0.0.1:7443' };
    const host = [{ name: 'h', uri: 'x://' }];
    expect(refusal(link, state)).toMatch(/link-ca\.crt: no such file; .*ca issue --server/);
    expect(refusal(link, state, { host })).toMatch(/ca issue --agent/);
    issue(state, { server: ['127.0.0.1'] });
    expect(refusal(link, state)).toBe('');
    expect(refusal(link, state, { host })).toMatch(/link\.crt: not the certificate of an agent/);
    const agentState = temporaryFolder();
    mkdirSync(join(agentState, 'tls'));
    issue(state, { agent: 'kvm-1', out: join(agentState, 'tls', 'link') });
    expect(refusal(link, agentState, { host })).toBe('');
    expect(refusal(link, agentState)).toMatch(/not the certificate of a server of the link/);
    expect(refusal(link, agentState, { host, agent: { name: 'kvm-2' } })).toMatch(/of agent "kvm-1".*"kvm-2"/);
    expect(refusal({ ...link, keyFile: join(state, 'tls', 'link.key') }, agentState, { host })).toMatch(
      /not the key of/,
    );
    revoke(state, 'kvm-1');
    const revokedFile = join(state, 'link-revoked');
    expect(refusal({ ...link, revokedFile }, agentState, { host })).toMatch(/the certificate is revoked/);
    expect(existsSync(join(agentState, 'link-revoked'))).toBe(false);
  });
  test('is checked key by key', () => {
    expect(() => checkConfig({ link: { adress: 'x' } } as never)).toThrow(/did you mean "address"/);
    expect(() => checkConfig({ link: { hosts: { h: 'a name' } } })).toThrow(/link\.hosts\.h/);
  });
});
