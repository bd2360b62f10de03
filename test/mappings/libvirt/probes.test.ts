/** What the host says of something that is still under way, or has ended without effect, and what its probes make of it. */
import { describe, expect, test } from 'vitest';
import { done, type Fault, fault, type Outcome, refused } from '../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../mappings/generic/platform.ts';
import { probeHost } from '../../../mappings/libvirt/driver/probes.ts';

const sends = (answers: Readonly<Record<string, Outcome<Record<string, unknown>>>>): DriverSend => ({
  call: async (procedure) => answers[procedure] ?? refused(fault('internal', {}, `no ${procedure} here`)),
  gather: async () => refused(fault('internal', {}, '')),
});
const invalid: Fault = fault('invalid-state', {}, 'no', { platform: 'libvirt', code: '55', text: 'no' });
const ABSENT: Fault = fault('object-not-found', { type: 'x', id: 'y' }, 'no');

describe('a live copy', () => {
  const ask = (answers: Parameters<typeof sends>[0]) =>
    probeHost(sends(answers), {
      probe: 'copy-ready',
      args: { uuid: '00000000-0000-4000-8000-000000000001', device: 'vda' },
    });
  const job = (found: number, cur: string) => ({ DOMAIN_GET_BLOCK_JOB_INFO: done({ found, cur, end: '10' }) });

  test('runs until both images hold the same', async () => {
    expect(await ask(job(1, '4'))).toEqual(done('running'));
    expect(await ask(job(1, '10'))).toEqual(done('done'));
  });

  test('is gone when there is no job any more, or the machine is off, or gone', async () => {
    expect(await ask(job(0, '0'))).toEqual(done('gone'));
    const off = { DOMAIN_GET_BLOCK_JOB_INFO: refused(invalid), DOMAIN_GET_STATE: done({ state: 5, reason: 0 }) };
    expect(await ask(off)).toEqual(done('gone'));
    expect(await ask({ DOMAIN_GET_BLOCK_JOB_INFO: refused(ABSENT), DOMAIN_GET_STATE: refused(ABSENT) })).toEqual(
      done('gone'),
    );
  });

  test('of a machine that runs, whose host will not say, is not known', async () => {
    const mute = { DOMAIN_GET_BLOCK_JOB_INFO: refused(invalid), DOMAIN_GET_STATE: done({ state: 1, reason: 0 }) };
    expect(await ask(mute)).toEqual(refused(invalid));
  });
});

describe('a copied volume', () => {
  const found = { STORAGE_VOL_LOOKUP_BY_NAME: done({ vol: { pool: 'p', name: 'v', key: 'k' } }) };
  const ask = (answers: Parameters<typeof sends>[0]) =>
    probeHost(sends(answers), { probe: 'volume-exists', args: { pool: 'p', poolUuid: '0', name: 'v' } });

  test('is there once it is whole, not when it is listed', async () => {
    expect(await ask({ STORAGE_VOL_LOOKUP_BY_NAME: refused(ABSENT) })).toEqual(done('not-done'));
    expect(await ask({ ...found, STORAGE_VOL_RESIZE: refused(invalid) })).toEqual(done('running'));
    const unasked = fault('invalid-argument', { property: '' }, 'no', { platform: 'libvirt', code: '8', text: 'no' });
    expect(await ask({ ...found, STORAGE_VOL_RESIZE: refused(unasked) })).toEqual(done('done'));
  });

  test('of a host that does not answer is not known', async () => {
    const lost = fault('host-communication', {}, 'lost');
    expect(await ask({ ...found, STORAGE_VOL_RESIZE: refused(lost) })).toEqual(refused(lost));
  });
});
