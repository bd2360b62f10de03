/** What people may look at holds no secret, however it is written and wherever it was cut. */
import { describe, expect, test } from 'vitest';
import { holdsSecret, namesSecret, safeCopy, withoutSecrets, withoutSecretValues } from '../../runtime/redaction.ts';

describe('a text', () => {
  test.each([
    `<graphics type='vnc' passwd='hush'/>`,
    `<a key="x.password">hush</a>`,
    '<userName>u</userName><password>hush</password>',
    '<password xsi:type="xsd:string">hush</password>',
    '<extraConfig><key>RemoteDisplay.vnc.password</key><value xsi:type="xsd:string">hush</value></extraConfig>',
    '<member><name>cifspassword</name><value><string>hush</string></value></member>',
    '<member><name>cifspassword</name><value>hush</value></member>',
    '{"device_config": {"cifspassword": "hush", "server": "s"}}',
    '{"password":"with \\"hush\\" in it"}',
    `<graphics passwd="it's hush"/>`,
    '<password><![CDATA[<hush>]]></password>',
    '<password xsi:type="xsd:string"><![CDATA[hus',
    `SMGenericException: {'cifspassword': 'hush', 'server': 's'}`,
    'GET /import?vm=1&session_id=OpaqueRef:hush&force=true',
    'mount.cifs //s/p -o user=u,password=hush,rw',
    // Cut in the middle.
    '<password>hus',
    `<graphics passwd='hus`,
    '<key>a.password</key><value>hus',
    '{"secret":"hus',
  ])('%s is without its secret', (text) => {
    expect(withoutSecrets(text)).not.toContain('hus');
    expect(withoutSecrets(text)).toContain('[secret]');
  });

  test('without any is the same', () => {
    const text = '<name>web</name><key>note</key><value>said</value>{"name":"said"}';
    expect(withoutSecrets(text)).toBe(text);
  });
});

describe('a value', () => {
  const value = {
    name: 'n',
    credentials: { user: 'hush' },
    old_pwd: 'hush',
    options: [
      { key: 'a.token', value: 'hush' },
      { key: 'b', value: 'said' },
    ],
    xml: '<password>hush</password>',
  };
  test('is copied without its secrets', () => {
    const copy = JSON.stringify(safeCopy(value, { left: 10_000 }));
    expect(copy).not.toContain('hush');
    expect(copy).toContain('said');
    expect(holdsSecret(value)).toBe(true);
    expect(holdsSecret({ list: [{ key: 'b', value: 'said' }] })).toBe(false);
  });

  test('of any number of members is copied whole where it must be', () => {
    const attributes = Array.from({ length: 500 }, (_, n) => ({ key: `k${n}`, value: `said ${n}` }));
    expect(withoutSecretValues({ attributes })).toEqual({ attributes });
    expect(withoutSecretValues({ attributes: [{ key: 'x.secret', value: 'hush' }] })).toEqual({
      attributes: [{ key: 'x.secret', value: '[secret]' }],
    });
  });
});

test('methods about secrets are known by their names', () => {
  for (const name of ['Login', 'session.login_with_password', 'AcquireCloneTicket', 'secret.create', 'ChangePassword'])
    expect([name, namesSecret(name)]).toEqual([name, true]);
  for (const name of ['PowerOnVM_Task', 'VM.get_all_records', 'CurrentTime'])
    expect([name, namesSecret(name)]).toEqual([name, false]);
});
