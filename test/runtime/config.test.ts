/** The configuration: what is right is read, what is wrong is refused with its line and the nearest known key. */
import { describe, expect, test } from 'vitest';
import { mergeFlags, parseHost } from '../../cli/flags.ts';
import { ConfigError, checkConfig, lineOf, nearest, parseConfig } from '../../runtime/config.ts';
import { refusalOf } from '../refusal.ts';

const refusal = (text: string): string => refusalOf(() => checkConfig(parseConfig(text, 'a.toml'), text, 'a.toml'));

describe('a configuration file', () => {
  test('is read with its defaults', () => {
    const text =
      'listen = "0.0.0.0"\n[[host]]\nname = "h1"\nuri = "qemu:///system"\n[[front]]\nplatform = "vim25"\nport = 8443\n';
    const config = checkConfig(parseConfig(text), text);
    expect(config.host).toEqual([{ name: 'h1', uri: 'qemu:///system' }]);
    expect(config.front[0]).toEqual({ platform: 'vim25', port: 8443, options: {} });
    expect(config.admin).toEqual({ port: 8990, listen: '127.0.0.1', exchanges: 10_000 });
  });

  test('names the line and the nearest key of an unknown key at the top', () => {
    expect(refusal('state = "/x"\nlisten = "::"\nlogLevle = "info"\n')).toBe(
      'a.toml:3: unknown key "logLevle"; did you mean "logLevel"?',
    );
  });
  test('names the line inside the second table of an array', () => {
    const text = '[[host]]\nname = "a"\nuri = "x://"\n\n[[host]]\nname = "b"\nur = "y://"\n';
    expect(refusal(text)).toContain('a.toml:7: unknown key "ur"; did you mean "uri"?');
  });
  test('names the line of a key in a sub-table and in an inline table', () => {
    expect(refusal('[admin]\n# port\nprot = 1\n')).toBe('a.toml:3: unknown key "prot"; did you mean "port"?');
    expect(refusal('x = 1\n')).toBe('a.toml:1: unknown key "x"');
    expect(refusal('\nadmin = { prot = 1 }\n')).toContain('a.toml:2: unknown key "prot"');
  });
  test('names the line of a value of the wrong kind', () => {
    expect(refusal('[admin]\nport = 70000\n')).toMatch(/^a\.toml:2: admin\.port: /);
    expect(refusal('[[account]]\nname = "a"\nrole = "boss"\nhash = "x"\n')).toMatch(/a\.toml:3: account\.0\.role/);
  });
  test('names the place where it is no TOML', () => {
    expect(refusal('a = 1\nb = = 2\n')).toMatch(/^a\.toml:2:\d+: /);
  });
  test('refuses a front of a host that is not there, and two hosts of one name', () => {
    const host = '[[host]]\nname = "lab"\nuri = "x://"\n';
    expect(refusal(`${host}[[front]]\nplatform = "p"\nhost = "lap"\n`)).toBe(
      'a.toml:6: front p: unknown host "lap"; did you mean "lab"?',
    );
    expect(refusal(host + host)).toBe('two hosts have the name "lab"');
  });
  test('never shows the value of a hash that it refuses', () => {
    expect(refusal('[[account]]\nname = "a"\nrole = "operator"\nhash = "hunter2"\n')).not.toContain('hunter2');
  });
});

test('lines are found by path, and words by nearness', () => {
  expect(lineOf('a = 1\n[t]\nb = 2\n', ['t', 'b'])).toBe(3);
  expect(lineOf('a = 1\n', ['zzz'])).toBe(0);
  expect(nearest('prot', ['port', 'listen'])).toBe('port');
  expect(nearest('something', ['port', 'listen'])).toBeUndefined();
});

describe('flags', () => {
  const merged = (flags: Parameters<typeof mergeFlags>[1]) => checkConfig(mergeFlags({}, flags));
  test('give the shape of a file', () => {
    const config = merged({
      host: ['kvm=qemu:///system', 'qemu+tcp://box.lan:16509/system'],
      port: ['vim25=8443', 'vim25@box.lan=0', 'admin=0'],
      frontOption: ['vim25.loginText=Hello = you', 'vim25@box.lan.personality=esxi'],
      plain: ['vim25@box.lan'],
      hostUser: 'root',
    });
    expect(config.host).toEqual([
      { name: 'kvm', uri: 'qemu:///system' },
      { name: 'box.lan', uri: 'qemu+tcp://box.lan:16509/system', user: 'root' },
    ]);
    expect(config.front).toEqual([
      { platform: 'vim25', host: 'kvm', port: 8443, options: { loginText: 'Hello = you' } },
      { platform: 'vim25', host: 'box.lan', port: 0, tls: false, options: { personality: 'esxi' } },
    ]);
    expect(config.admin.port).toBe(0);
  });
  test('name hosts by their authority, each once', () => {
    expect(parseHost('test:///default', []).name).toBe('local');
    expect(parseHost('qemu:///system', ['local']).name).toBe('local-2');
    expect(parseHost('qemu+tcp://root@10.0.0.1:1/system', []).name).toBe('10.0.0.1');
  });
  test('that say nothing are refused', () => {
    for (const flags of [
      { port: ['vim25'] },
      { port: ['vim25=99999'] },
      { host: ['nothing'] },
      { frontOption: ['vim25=1'] },
      { hostUser: 'x' },
    ]) {
      expect(() => merged(flags)).toThrow(ConfigError);
    }
  });
});
