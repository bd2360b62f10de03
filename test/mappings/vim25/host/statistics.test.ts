/** Quick statistics of a vim25 host as counters: rates summed up over the host's own clock, page by page. */
import { expect, it } from 'vitest';
import type { Statistics } from '../../../../mappings/generic/statistics.ts';
import { converse } from '../../../../mappings/vim25/host/conversation.ts';
import { QUICK_STATISTICS } from '../../../../mappings/vim25/host/statistics.ts';
import { LOG_IN, scriptedHost } from './scripted-host.ts';

const property = (name: string, value: string): string => `<propSet><name>${name}</name>${value}</propSet>`;
const machine = (id: string, power: string, mhz: number): string =>
  `<objects><obj type="VirtualMachine">${id}</obj>${property('runtime.powerState', `<val xsi:type="VirtualMachinePowerState">${power}</val>`)}${property('summary.quickStats', `<val xsi:type="X"><overallCpuUsage>${mhz}</overallCpuUsage><hostMemoryUsage>100</hostMemoryUsage></val>`)}${property('summary.config.memorySizeMB', '<val xsi:type="xsd:int">256</val>')}</objects>`;
const HOST = `<objects><obj type="HostSystem">h</obj>${property('summary.quickStats', '<val xsi:type="X"><overallCpuUsage>1000</overallCpuUsage><overallMemoryUsage>1024</overallMemoryUsage></val>')}${property('summary.hardware', '<val xsi:type="Y"><cpuMhz>2000</cpuMhz><numCpuCores>4</numCpuCores><memorySize>4294967296</memorySize></val>')}</objects>`;

it('grow with time and use, are nought at first, and leave out what is off', () => {
  const usage = [1000, 1000, 3000];
  let round = 0;
  const host = scriptedHost({
    ...LOG_IN,
    CurrentTime: () => `<returnval>2026-01-01T00:00:${String(10 * ++round).padStart(2, '0')}Z</returnval>`,
    CreateContainerView: () => '<returnval type="ContainerView">v</returnval>',
    DestroyView: () => '',
    RetrievePropertiesEx: () => `<returnval><token>t</token>${HOST}</returnval>`,
    ContinueRetrievePropertiesEx: () =>
      `<returnval>${machine('vm-1', 'poweredOn', usage[round - 1] ?? 0)}${machine('vm-2', 'poweredOff', 0)}</returnval>`,
  });
  const conversation = converse({ endpoint: { kind: 'https' }, apiType: 'HostAgent' });
  host.run(conversation.open({ user: 'u', password: 'p' }));
  const sample = (): Statistics => {
    const { value } = host.run(conversation.call(QUICK_STATISTICS, {}));
    if (value?.ok !== true) throw new Error('no statistics');
    return value.value['statistics'] as Statistics;
  };
  const [first, second, third] = [sample(), sample(), sample()];
  expect(first.vms.map(({ native }) => native)).toEqual(['vm-1']);
  expect(first.vms[0]).toMatchObject({ cpuNs: 0, memoryBytes: 256 * 1024 ** 2, residentBytes: 100 * 1024 ** 2 });
  // Half a thread of 2000 MHz for ten seconds, then from half to one and a half: one for ten seconds.
  expect(second.vms[0]?.cpuNs).toBe(5e9);
  expect(third.vms[0]?.cpuNs).toBe(15e9);
  expect(second.host).toEqual({
    cpuNs: 5e9,
    idleNs: 35e9,
    memoryBytes: 4 * 1024 ** 3,
    freeBytes: 3 * 1024 ** 3,
  });
});
