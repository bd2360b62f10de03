/** Volumes read one by one: those of a pool that is not active are gone until it is, as its list says; another refusal is no answer. */
import { expect, test } from 'vitest';
import { done, fault, refused } from '../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../mappings/generic/platform.ts';
import { driver } from '../../../mappings/libvirt/driver.ts';

const REF = { kind: 'volume', native: '2cf19850-88c3-47f3-be55-8fbc1cc4955c/a.qcow2' } as const;

const refusal = (procedure: string) => refused(fault('invalid-state', {}, `${procedure} is not valid`));

const host = (active: number, xml?: string): DriverSend => ({
  call: async (procedure) => {
    if (procedure === 'STORAGE_POOL_LOOKUP_BY_UUID') return done({ pool: { name: 'default', uuid: '' } });
    if (procedure === 'STORAGE_POOL_IS_ACTIVE') return done({ active });
    if (xml !== undefined && procedure === 'STORAGE_VOL_GET_XML_DESC') return done({ xml });
    return refusal(procedure);
  },
  gather: () => Promise.reject(new Error('nothing is gathered')),
});

test('of an active pool they are read', async () => {
  expect(await driver.read(host(1, '<volume/>'), [REF])).toMatchObject([
    { change: 'put', object: { parts: { volume: '<volume/>' } } },
  ]);
});

test('of one that is not they are gone', async () => {
  expect(await driver.read(host(0), [REF])).toEqual([{ change: 'gone', ref: REF }]);
});

test('a host that refuses to tell has not said that they are gone', async () => {
  await expect(driver.read(host(1), [REF])).rejects.toThrow(/is not valid/);
});

test('a pool that was stopped and is there again is read again', async () => {
  let stopped = 1;
  const busy = host(1, '<volume/>');
  const send: DriverSend = {
    ...busy,
    call: async (procedure, args, lane) =>
      procedure === 'STORAGE_VOL_GET_XML_DESC' && stopped-- > 0 ? refusal(procedure) : busy.call(procedure, args, lane),
  };
  expect(await driver.read(send, [REF])).toMatchObject([{ change: 'put' }]);
});
