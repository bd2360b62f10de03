/** Faults as hosts write them: every fault that our own front writes is read back as the one it was, unknown ones by their nearest known base. */
import { describe, expect, it } from 'vitest';
import { type FaultKind, fault } from '../../../../mappings/generic/faults.ts';
import { encodeFaultBody, vimFault } from '../../../../mappings/vim25/faults.ts';
import { faultOfElement } from '../../../../mappings/vim25/host/faults.ts';
import { decodeSoap, envelope } from '../../../../mappings/wire/soap.ts';
import { childOf, readXml } from '../../../../mappings/wire/xml.ts';
import { FAULTS } from '../sample-faults.ts';

const read = (body: string) => {
  const decoded = decodeSoap(envelope(body));
  if (!decoded.ok) throw new Error(decoded.fault.text);
  const fault = decoded.message.body;
  return faultOfElement(childOf(fault, 'detail')?.children[0], childOf(fault, 'faultstring')?.text ?? '');
};

/** Kinds that vim25 has only one fault for. */
const SAME: Readonly<Record<string, string>> = {
  internal: 'internal',
  'invalid-type': 'invalid-request',
  'invalid-version': 'internal',
  'method-not-found': 'not-supported',
};

describe('every kind of the hub', () => {
  it.each(Object.keys(FAULTS) as FaultKind[])('%s comes back', (kind) => {
    const back = read(encodeFaultBody(vimFault(fault(kind, FAULTS[kind] as never, ''))));
    expect(back.kind).toBe(SAME[kind] ?? kind);
    expect(back.native?.platform).toBe('vim25');
  });
});

describe('what else a host says', () => {
  const detail = (text: string) => {
    const parsed = readXml(`<d xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${text}</d>`);
    if (!parsed.ok) throw new Error(parsed.fault.text);
    return parsed.root.children[0];
  };
  it.each([
    ['<VimFaultFault xsi:type="CustomizationPending"/>', 'internal'],
    ['<x xsi:type="InvalidFolder"/>', 'internal'],
    ['<x xsi:type="NoCompatibleHost"/>', 'internal'],
    ['<x xsi:type="VmConfigFault"/>', 'internal'],
    ['<x xsi:type="MissingController"><deviceIndex>2</deviceIndex><property>p</property></x>', 'invalid-device'],
    ['<x xsi:type="ApplicationQuiesceFault"/>', 'snapshot-failed'],
    ['<x xsi:type="NeverHeardOf"/>', 'internal'],
    ['<NotFoundFault/>', 'not-found'],
  ])('%s is %s', (text, kind) => {
    expect(faultOfElement(detail(text), 'words')).toMatchObject({ kind, text: 'words' });
  });

  it('has words of its own where the host has none', () => {
    expect(faultOfElement(detail('<x xsi:type="SystemError"><reason>why</reason></x>'), '').text).toBe(
      'SystemError: why',
    );
    expect(faultOfElement(undefined, 'only text')).toMatchObject({ kind: 'internal', text: 'only text' });
  });

  it('keeps members that can be said again and no references of the host', () => {
    const text =
      '<x xsi:type="InvalidDeviceSpec"><property>p</property><deviceIndex>3</deviceIndex><object type="VirtualMachine">vm-1</object></x>';
    expect(faultOfElement(detail(text), 'w')).toMatchObject({
      members: { index: 3, property: 'p' },
      native: { code: 'InvalidDeviceSpec', detail: { property: 'p', deviceIndex: 3 } },
    });
  });
});
