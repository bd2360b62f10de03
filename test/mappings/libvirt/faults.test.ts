// libvirt's errors to faults of the hub.
import { describe, expect, it } from 'vitest';
import { faultOf, type VirError } from '../../../mappings/libvirt/faults.ts';

const error = (code: number, message: string, more: Partial<VirError> = {}): VirError => ({
  ...{
    code,
    domain: 10,
    message,
    level: 2,
    dom: null,
    str1: '%s',
    str2: message,
    str3: null,
    int1: -1,
    int2: -1,
    net: null,
  },
  ...more,
});

describe('libvirt errors', () => {
  it.each([
    [
      42,
      "Domain not found: no domain with matching name 'vm1'",
      { kind: 'object-not-found', members: { type: 'vm', id: 'vm1' } },
    ],
    [
      50,
      "Storage volume not found: no storage vol with matching path '/a'",
      { kind: 'object-not-found', members: { type: 'volume', id: '/a' } },
    ],
    [72, "Domain snapshot not found: 's1'", { kind: 'object-not-found', members: { type: 'snapshot', id: 's1' } }],
    [28, "domain 'vm1' already exists", { kind: 'duplicate-name', members: { name: 'vm1' } }],
    [90, "storage volume 'v1' exists already", { kind: 'already-exists', members: { name: 'v1' } }],
    [55, 'Requested operation is not valid: domain is not running', { kind: 'invalid-state' }],
    [
      1,
      "internal error: Child process (/usr/bin/qemu-img resize /a 2) unexpected exit status 1: qemu-img: Can't resize a v2 image which has snapshots",
      { kind: 'invalid-state' },
    ],
    [1, 'internal error: Child process (/usr/bin/qemu-img resize /a 2) unexpected exit status 1', { kind: 'internal' }],
    [68, 'Timed out during operation: cannot acquire state change lock', { kind: 'busy' }],
    [84, 'Operation not supported', { kind: 'not-supported' }],
    [3, 'this function is not supported', { kind: 'not-supported' }],
    [39, 'unknown procedure: 999', { kind: 'not-supported' }],
    [39, 'Cannot find program 1 version 1', { kind: 'host-communication' }],
    [29, 'operation forbidden for read only access', { kind: 'no-permission' }],
    [8, 'invalid argument', { kind: 'invalid-argument' }],
    [35, 'XML document failed to validate', { kind: 'invalid-vm-config' }],
    [86, 'Guest agent is not responding', { kind: 'tools-unavailable' }],
    [9999, 'something new', { kind: 'internal', text: 'something new' }],
  ])('%d %s', (code, message, expected) => {
    expect(faultOf(error(code, message))).toMatchObject({
      ...expected,
      native: { platform: 'libvirt', code: String(code), text: message },
    });
  });

  it('keep the native texts, and know a full disk by its errno', () => {
    expect(faultOf(error(38, "cannot extend file '/a': No space left on device", { int1: 28 }))).toMatchObject({
      kind: 'no-disk-space',
    });
    expect(faultOf(error(1, 'internal error: x', { str2: 'x' })).native?.detail).toMatchObject({
      domain: 10,
      str2: 'x',
    });
    expect(faultOf(error(1, '', { message: null })).text).toBe('error 1');
  });

  it('are without the document that libvirt shows beside what is wrong in it', () => {
    const said = '(domain_definition):1: Opening and ending tag mismatch: b line 1 and devices';
    const shown = `${said}\n<graphics type='vnc' passwd='hush'/><b></devices>\n------^`;
    const fault = faultOf(error(35, shown, { str1: '%s:%d: %s%s', str3: shown }));
    expect(JSON.stringify(fault)).not.toContain('hush');
    expect(fault.text).toBe(said);
    expect(faultOf(error(110, 'XML document failed\nsecond line')).text).toContain('second line');
  });
});
