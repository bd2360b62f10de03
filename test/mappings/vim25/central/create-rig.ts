/** A host of which CreateVM_Task is asked: the specs of devices, the command they become, or the fault. */
import { beforeEach, expect } from 'vitest';
import type { Params } from '../../../../mappings/generic/commands.ts';
import { faultOf, moref, onlyCommand, type TestHost, testHost, VM_FOLDER } from './host.ts';

/** Made anew before each test of the file that imports it. */
export let host: TestHost;
beforeEach(() => {
  host = testHost();
});

export const device = (type: string, members: Record<string, unknown>) => ({ _type: type, key: -1, ...members });
export const add = (given: Record<string, unknown>, fileOperation?: string) => ({
  _type: 'VirtualDeviceConfigSpec',
  operation: 'add',
  device: given,
  ...(fileOperation ? { fileOperation } : {}),
});
export const nic = (members: Record<string, unknown> = {}, backing: Record<string, unknown> = {}) =>
  add(
    device('VirtualE1000', {
      backing: { _type: 'VirtualEthernetCardNetworkBackingInfo', deviceName: 'VM Network', ...backing },
      ...members,
    }),
  );

export const create = (config: Record<string, unknown>) =>
  host.call('CreateVM_Task', VM_FOLDER, {
    config: {
      _type: 'VirtualMachineConfigSpec',
      name: 'new',
      files: { _type: 'VirtualMachineFileInfo', vmPathName: '[default]' },
      ...config,
    },
    pool: moref('ResourcePool', 'ha-root-pool'),
  });
export const params = (): Params['vm.create'] => onlyCommand(host).params as Params['vm.create'];
export const refusal = (config: Record<string, unknown>) => {
  const found = faultOf(host, create(config));
  expect(host.commands).toEqual([]);
  return found;
};
