/** Reading from hosts of other ages: pages are followed, and what an older host does not know is asked for no more. */
import { expect, it } from 'vitest';
import { fault, refused } from '../../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../../mappings/generic/platform.ts';
import { retrieveThese } from '../../../../mappings/vim25/host/reading.ts';
import { type MoRef, moRef } from '../../../../mappings/vim25/values.ts';
import { readXml, type XmlElement } from '../../../../mappings/wire/xml.ts';

const elements = (text: string): XmlElement[] => {
  const read = readXml(`<x xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${text}</x>`);
  if (!read.ok) throw new Error(read.fault.text);
  return [...read.root.children];
};
const page = (moid: string, more = ''): XmlElement[] =>
  elements(`<returnval>${more}<objects><obj type="VirtualMachine">${moid}</obj></objects></returnval>`);

const sendOf = (
  answer: (method: string, asked: string[], times: number) => ReturnType<DriverSend['call']>,
): DriverSend => {
  let times = 0;
  return {
    call: (method, args) => {
      type Spec = { propSet: { pathSet: string[] }[] };
      const spec = (args['specSet'] as readonly Spec[] | undefined)?.[0];
      return answer(method, spec?.propSet.flatMap(({ pathSet }) => pathSet) ?? [], ++times);
    },
    gather: () => Promise.reject(new Error('not here')),
  };
};
const VM: MoRef = moRef('VirtualMachine', 'vm-1');

it('leaves out what the host does not know, property by property', async () => {
  const tried: string[][] = [];
  const send = sendOf(async (_method, asked) => {
    tried.push(asked);
    const unknown = asked.find((path) => path.startsWith('new.'));
    if (unknown) return refused(fault('invalid-property', { name: unknown }, 'no'));
    return { ok: true, value: { elements: page('vm-1') } };
  });
  const told = await retrieveThese(send, [VM], { VirtualMachine: ['name', 'new.a', 'config', 'new.b'] });
  expect(told).toMatchObject({ ok: true, value: [{ ref: VM }] });
  expect(tried).toEqual([
    ['name', 'new.a', 'config', 'new.b'],
    ['name', 'config', 'new.b'],
    ['name', 'config'],
  ]);
});

it('does not ask for ever when the host names what was not asked for', async () => {
  let asked = 0;
  const send = sendOf(async () => {
    asked += 1;
    return refused(fault('invalid-property', { name: 'other' }, 'no'));
  });
  expect(await retrieveThese(send, [VM], { VirtualMachine: ['name'] })).toMatchObject({ ok: false });
  expect(asked).toBe(1);
});

it('follows pages to their end, and tells of a fault between them', async () => {
  const paged = (last: ReturnType<DriverSend['call']>): DriverSend =>
    sendOf(async (method, _asked, times) => {
      if (method === 'RetrievePropertiesEx')
        return { ok: true, value: { elements: page('vm-1', '<token>t1</token>') } };
      return times < 3 ? { ok: true, value: { elements: page('vm-2', '<token>t2</token>') } } : last;
    });
  const whole = await retrieveThese(paged(Promise.resolve({ ok: true, value: { elements: page('vm-3') } })), [VM], {});
  expect(whole.ok && whole.value.map(({ ref }) => ref.value)).toEqual(['vm-1', 'vm-2', 'vm-3']);
  const broken = await retrieveThese(paged(Promise.resolve(refused(fault('internal', {}, 'gone')))), [VM], {});
  expect(broken).toMatchObject({ ok: false, fault: { kind: 'internal' } });
});
