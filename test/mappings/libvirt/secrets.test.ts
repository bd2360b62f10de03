/** Secrets that libvirt leaves out of its documents, put back into definitions. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { done, fault, type Outcome, refused } from '../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../mappings/generic/platform.ts';
import { driver } from '../../../mappings/libvirt/driver.ts';
import { withSecrets } from '../../../mappings/libvirt/secrets.ts';

const UUID = '3c1f6a52-7b0e-4f0a-9f3d-5a2b8d4e6c01';
const domain = (devices: string, name = 'domain'): string =>
  `<${name} type='qemu'><name>s</name><uuid>${UUID}</uuid><devices>${devices}</devices></${name}>`;
const web = (inner: string, name = 'x.iso'): string =>
  `<disk type='network' device='cdrom'><source protocol='https' name='${name}'>${inner}</source><target dev='hda'/></disk>`;
const HOST = "<host name='example.org' port='443'/>";
const COOKIES = "<cookies><cookie name='a'>b&amp;c</cookie></cookies>";

describe('a definition gets back', () => {
  test('the password of each display, by type and order', () => {
    const plain = domain(
      "<graphics type='vnc' port='-1'/><graphics type='spice'/><graphics type='spice' autoport='yes'/>",
    );
    const secret = domain(
      "<graphics type='spice' passwd='one'/><graphics type='spice' passwd='two'/><graphics type='vnc' passwd='a&apos;&quot;&lt;b'/>",
    );
    expect(withSecrets(plain, secret)).toBe(
      domain(
        `<graphics passwd="a'&quot;&lt;b" type='vnc' port='-1'/><graphics passwd="one" type='spice'/><graphics passwd="two" type='spice' autoport='yes'/>`,
      ),
    );
  });
  test('the cookies of a disk that still comes from the same place', () => {
    expect(withSecrets(domain(web(HOST)), domain(web(HOST + COOKIES)))).toBe(domain(web(HOST + COOKIES)));
    const empty = domain("<disk type='network'><source protocol='https' name='y'/><target dev='vda'/></disk>");
    const known = domain(
      `<disk type='network'><source protocol='https' name='y'>${COOKIES}</source><target dev='vda'/></disk>`,
    );
    expect(withSecrets(empty, known)).toBe(known);
    for (const other of [web(HOST, 'z.iso'), web("<host name='evil.example'/>"), web(HOST).replace('hda', 'hdb')])
      expect(withSecrets(domain(other), domain(web(HOST + COOKIES)))).toBe(domain(other));
  });
  test('nothing that it says itself, or that is in it no more', () => {
    const secret = domain("<graphics type='vnc' passwd='old'/><graphics type='spice' passwd='gone'/>");
    expect(withSecrets(domain("<graphics type='vnc' passwd='new'/>"), secret)).toBe(
      domain("<graphics type='vnc' passwd='new'/>"),
    );
    expect(withSecrets(domain(''), secret)).toBe(domain(''));
  });
  test('of a snapshot, what both of its domains had', () => {
    const snapshot = (one: string, two: string): string =>
      `<domainsnapshot><name>first</name>${domain(one)}${domain(two, 'inactiveDomain')}</domainsnapshot>`;
    expect(
      withSecrets(
        snapshot("<graphics type='vnc'/>", "<graphics type='vnc'/>"),
        snapshot("<graphics type='vnc' passwd='a'/>", "<graphics type='vnc' passwd='b'/>"),
      ),
    ).toBe(snapshot(`<graphics passwd="a" type='vnc'/>`, `<graphics passwd="b" type='vnc'/>`));
  });
});

describe('the step that defines', () => {
  const define = domain("<graphics type='vnc'/>");
  const run = async (
    known: Outcome<Record<string, unknown>>,
    call = { procedure: 'DOMAIN_DEFINE_XML_FLAGS', args: { xml: define, flags: 0 } as Record<string, unknown> },
  ) => {
    const calls: [string, Readonly<Record<string, unknown>>][] = [];
    const send = {
      call: async (procedure: string, args: Readonly<Record<string, unknown>>) => {
        calls.push([procedure, args]);
        return procedure.endsWith('GET_XML_DESC') ? known : done({});
      },
    } as unknown as DriverSend;
    const outcome = await driver.step(send, call);
    return { outcome, calls };
  };
  test('asks the host for the stored definition with its secrets, and answers with the host’s answer alone', async () => {
    const { outcome, calls } = await run(done({ xml: domain("<graphics type='vnc' passwd='p'/>") }));
    expect(calls.map(([procedure, args]) => [procedure, args['flags']])).toEqual([
      ['DOMAIN_GET_XML_DESC', 3],
      ['DOMAIN_DEFINE_XML_FLAGS', 0],
    ]);
    expect(calls[1]?.[1]['xml']).toContain('passwd="p"');
    expect(outcome).toEqual(done({}));
  });
  test('defines a domain that is new as it is, and nothing over one it cannot read', async () => {
    const fresh = await run(refused(fault('object-not-found', { type: 'vm', id: UUID }, 'no domain')));
    expect(fresh.calls[1]?.[1]['xml']).toBe(define);
    const closed = await run(refused(fault('no-permission', { privilege: '' }, 'read only access')));
    expect(closed.outcome.ok).toBe(false);
    expect(closed.calls).toHaveLength(1);
  });
  test('goes over the definition that it was made from, and over no other', async () => {
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const stored = domain("<graphics type='vnc' port='1'/>");
    const over = (of: string, known: string) =>
      run(done({ xml: known }), {
        procedure: 'DOMAIN_DEFINE_XML_FLAGS',
        args: { xml: define, flags: 0, over: hash(of) },
      });
    const same = await over(stored, stored);
    expect(same.calls.map(([procedure]) => procedure)).toEqual(['DOMAIN_GET_XML_DESC', 'DOMAIN_DEFINE_XML_FLAGS']);
    expect(same.calls[1]?.[1]).not.toHaveProperty('over');
    const other = await over(stored, domain("<graphics type='vnc' port='2'/>"));
    expect(other.outcome).toMatchObject({ ok: false, fault: { kind: 'concurrent-access' } });
    expect(other.calls.map(([procedure]) => procedure)).toEqual(['DOMAIN_GET_XML_DESC', 'DOMAIN_GET_XML_DESC']);
  });
  test('keeps them in a snapshot that is described anew, and asks nothing for one that is taken', async () => {
    const xml_desc = `<domainsnapshot><name>first</name>${define}</domainsnapshot>`;
    const call = (flags: number) => ({
      procedure: 'DOMAIN_SNAPSHOT_CREATE_XML',
      args: { dom: { uuid: UUID }, xml_desc, flags },
    });
    const known = done({ xml: xml_desc.replace("type='vnc'", "type='vnc' passwd='p'") });
    const anew = await run(known, call(1));
    expect(anew.calls[0]).toMatchObject([
      'DOMAIN_SNAPSHOT_GET_XML_DESC',
      { snap: { name: 'first', dom: { uuid: UUID } }, flags: 1 },
    ]);
    expect(anew.calls[1]?.[1]['xml_desc']).toContain('passwd="p"');
    expect((await run(known, call(0))).calls.map(([procedure]) => procedure)).toEqual(['DOMAIN_SNAPSHOT_CREATE_XML']);
  });
});
