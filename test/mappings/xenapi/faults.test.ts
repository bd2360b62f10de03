/** Errors of XenAPI and faults of the hub: each has its counterpart, and an error of XenAPI's own goes out as it was. */
import { describe, expect, it } from 'vitest';
import { type FaultKind, type FaultMembers, fault } from '../../../mappings/generic/faults.ts';
import { hubId } from '../../../mappings/generic/ids.ts';
import { knownCodes, xenError, xenFault } from '../../../mappings/xenapi/faults.ts';
import { NULL_REF, refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { instance } from './front-rig.ts';

const VM = refOf(xenId('VM', hubId('vm', 3)), instance);
const call = { method: 'Async.VM.clean_shutdown', target: { type: 'VM', id: VM }, args: { uname: 'me' } };
const shown = (reason: ReturnType<typeof fault>): readonly string[] => {
  const { code, params } = xenError(reason, { front: instance, call });
  return [code, ...params];
};

/** One of each kind: the compiler asks for those that are missing. */
const MEMBERS: { readonly [K in FaultKind]: FaultMembers[K] } = {
  'already-exists': { name: 'n' },
  busy: { object: hubId('vm', 3) },
  cancelled: {},
  'concurrent-access': {},
  'directory-not-empty': { path: 'p' },
  'duplicate-name': { name: 'n' },
  'file-exists': { path: 'p' },
  'file-locked': { path: 'p' },
  'file-not-found': { path: 'p' },
  'host-communication': {},
  'host-config': {},
  'insufficient-cpu': { requested: 4, available: 2 },
  'insufficient-memory': { requestedBytes: 4096, availableBytes: 2048 },
  internal: {},
  'invalid-argument': { property: 'p' },
  'invalid-datastore-path': { path: 'p' },
  'invalid-device': { index: 1, property: 'p' },
  'invalid-login': {},
  'invalid-name': { name: 'n' },
  'invalid-property': { name: 'n' },
  'invalid-request': {},
  'invalid-state': {},
  'invalid-type': { argument: 'a' },
  'invalid-version': {},
  'invalid-vm-config': {},
  'method-disabled': {},
  'method-not-found': { method: 'm' },
  'no-disk-space': { storage: 's' },
  'no-permission': { privilege: 'p' },
  'not-authenticated': { privilege: 'p' },
  'not-found': {},
  'not-implemented': {},
  'not-supported': {},
  'object-not-found': { type: 'vm', id: VM },
  restricted: {},
  'snapshot-failed': {},
  timeout: {},
  'tools-unavailable': {},
  'too-many': { limit: 1 },
  'wrong-state': { requested: 'stopped', existing: 'stopped' },
};
const KINDS = Object.keys(MEMBERS) as FaultKind[];

describe('faults of the hub', () => {
  it.each(KINDS)('%s has an error of XenAPI', (kind) => {
    const words = shown(fault(kind, MEMBERS[kind], 'what happened'));
    expect(words[0]).toMatch(/^[A-Z][A-Z0-9_]+$/);
    expect(words.every((word) => typeof word === 'string' && word !== 'undefined')).toBe(true);
  });

  it('name objects by reference, and states in lower case', () => {
    expect(shown(fault('wrong-state', { requested: 'stopped', existing: 'suspended' }, ''))).toEqual([
      'VM_BAD_POWER_STATE',
      VM,
      'running',
      'suspended',
    ]);
    expect(shown(fault('busy', { object: hubId('vm', 3), job: hubId('job', 9) }, ''))).toEqual([
      'OTHER_OPERATION_IN_PROGRESS',
      'VM',
      VM,
      'unknown',
      refOf(xenId('task', hubId('job', 9)), instance),
    ]);
    expect(shown(fault('host-communication', {}, ''))).toEqual([
      'HOST_OFFLINE',
      refOf(xenId('host', instance.host), instance),
    ]);
    expect(shown(fault('object-not-found', { type: 'vm', id: 'x' }, ''))).toEqual(['HANDLE_INVALID', 'VM', 'x']);
    expect(shown(fault('timeout', {}, '60'))).toEqual(['VM_SHUTDOWN_TIMEOUT', VM, '60']);
    expect(shown(fault('not-authenticated', { privilege: '' }, ''))).toEqual(['SESSION_INVALID', NULL_REF]);
    expect(shown(fault('invalid-login', {}, ''))).toEqual([
      'SESSION_AUTHENTICATION_FAILED',
      'me',
      'Authentication failure',
    ]);
  });
});

describe('errors of XenAPI', () => {
  it.each(knownCodes)('%s goes out as it came, and means something to the hub', (code) => {
    const reason = xenFault(code, 'a', 'b', 'c');
    expect(shown(reason)).toEqual([code, 'a', 'b', 'c']);
    expect(KINDS).toContain(reason.kind);
    expect(reason.kind).not.toBe('internal');
    expect(xenFault(code).text).toBe(code);
  });

  it('that nobody knows are internal to the hub, and untouched for XenAPI clients', () => {
    const reason = xenFault('XENAPI_PLUGIN_FAILURE', 'x');
    expect(reason.kind).toBe('internal');
    expect(shown(reason)).toEqual(['XENAPI_PLUGIN_FAILURE', 'x']);
    expect(xenFault('constructor').kind).toBe('internal');
  });

  it('carry the states of a VM over', () => {
    expect(xenFault('VM_BAD_POWER_STATE', 'OpaqueRef:x', 'halted', 'running')).toMatchObject({
      kind: 'wrong-state',
      members: { requested: 'stopped', existing: 'running' },
    });
  });
});
