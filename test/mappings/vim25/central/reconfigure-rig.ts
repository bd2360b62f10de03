/** A host with a machine of which ReconfigVM_Task is asked: the change it becomes, or the fault. */
import { beforeEach, expect } from 'vitest';
import type { Params, VmChange } from '../../../../mappings/generic/commands.ts';
import { faultOf, onlyCommand, type TestHost, testHost, WEB, WEB_TARGET, webDoc } from './host.ts';

/** Made anew before each test of the file that imports it. */
export let host: TestHost;
export const anew = (...given: Parameters<typeof testHost>): void => {
  host = testHost(...given);
};
beforeEach(() => anew());

export const MODIFIED = { owner: 'vim25', key: 'modified', value: '2024-05-05T06:07:08.000000Z' };
export const spec = (operation: string, device: Record<string, unknown>, fileOperation?: string) => ({
  _type: 'VirtualDeviceConfigSpec',
  operation,
  device,
  ...(fileOperation ? { fileOperation } : {}),
});
export const reconfigure = (given: Record<string, unknown>) =>
  host.call('ReconfigVM_Task', WEB_TARGET, { spec: { _type: 'VirtualMachineConfigSpec', ...given } });
export const changed = (given: Record<string, unknown>): VmChange => {
  reconfigure(given);
  const command = onlyCommand(host);
  expect(command).toMatchObject({ verb: 'vm.change', target: WEB });
  const { change } = command.params as Params['vm.change'];
  expect(change.attributes).toContainEqual(MODIFIED);
  const attributes = change.attributes?.filter(({ key }) => key !== 'modified') ?? [];
  const { attributes: _, ...rest } = change;
  return attributes.length > 0 ? { ...rest, attributes } : rest;
};
export const refusal = (given: Record<string, unknown>) => {
  const found = faultOf(host, reconfigure(given));
  expect(host.commands).toEqual([]);
  return found;
};
export const web = (more: Parameters<typeof webDoc>[0]) =>
  host.put('vm', WEB, 'aaaaaaaa-1111-2222-3333-444444444444', webDoc(more));
