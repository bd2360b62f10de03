// URIs to endpoints and the names to open.
import { describe, expect, it } from 'vitest';
import { parseUri } from '../../../mappings/libvirt/uri.ts';

describe('libvirt URIs', () => {
  it.each([
    ['qemu:///system', { kind: 'unix', path: '/run/libvirt/libvirt-sock' }, 'qemu:///system'],
    ['test:///default', { kind: 'unix', path: '/run/libvirt/libvirt-sock' }, 'test:///default'],
    ['test:///abs/path.xml', { kind: 'unix', path: '/run/libvirt/libvirt-sock' }, 'test:///abs/path.xml'],
    ['qemu+unix:///system?socket=/a/sock', { kind: 'unix', path: '/a/sock' }, 'qemu:///system'],
    ['qemu+unix:///session?socket=/a/sock', { kind: 'unix', path: '/a/sock' }, 'qemu:///session'],
    ['test+unix:///default?socket=/a%20b/sock', { kind: 'unix', path: '/a b/sock' }, 'test:///default'],
    ['qemu+tcp://kvm1/system', { kind: 'tcp', host: 'kvm1', port: 16509 }, 'qemu:///system'],
    ['test+tcp://127.0.0.1:26509/default', { kind: 'tcp', host: '127.0.0.1', port: 26509 }, 'test:///default'],
    ['qemu+tcp://[::1]:5/system', { kind: 'tcp', host: '::1', port: 5 }, 'qemu:///system'],
  ])('%s', (uri, endpoint, name) => {
    expect(parseUri(uri)).toMatchObject({ ok: true, value: { endpoint, name } });
  });

  it.each([
    ['qemu+tls://kvm1/system', 'not-supported'],
    ['qemu://kvm1/system', 'not-supported'],
    ['qemu+ssh://root@kvm1/system', 'invalid-argument'],
    ['xen:///system', 'invalid-argument'],
    ['qemu:///', 'invalid-argument'],
    ['qemu:///elsewhere', 'invalid-argument'],
    ['qemu:///session', 'invalid-argument'],
    ['qemu+tcp:///system', 'invalid-argument'],
    ['qemu+tcp://kvm1:0/system', 'invalid-argument'],
    ['qemu+tcp://kvm1/system?socket=/x', 'invalid-argument'],
    ['qemu+unix://kvm1/system', 'invalid-argument'],
    ['qemu+unix:///system?socket=relative', 'invalid-argument'],
    [`qemu+unix:///system?socket=/${'x'.repeat(108)}`, 'invalid-argument'],
    ['qemu+unix:///system?sockt=/x', 'invalid-argument'],
    ['qemu+pigeon://kvm1/system', 'invalid-argument'],
    ['system', 'invalid-argument'],
    ['', 'invalid-argument'],
  ])('refuses %s as %s', (uri, kind) => {
    expect(parseUri(uri)).toMatchObject({ ok: false, fault: { kind } });
  });
});
