/** Recorded requests in, calls out; replies, faults, cookies and the version list as clients see them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Fault, type FaultKind, type FaultMembers, fault } from '../../../mappings/generic/faults.ts';
import { encodeElement } from '../../../mappings/vim25/encode.ts';
import { localized, missingMembers, vimFault } from '../../../mappings/vim25/faults.ts';
import {
  cookieOf,
  decodeRequest,
  encodeFault,
  encodeReply,
  SERVICE_VERSIONS,
  setCookie,
  wrapReply,
} from '../../../mappings/vim25/front.ts';
import { dataObject } from '../../../mappings/vim25/types.ts';
import { moRef } from '../../../mappings/vim25/values.ts';
import { readXml } from '../../../mappings/wire/xml.ts';
import { FAULTS } from './sample-faults.ts';

const FOLDER = new URL('../../../fixtures/vim25/requests/', import.meta.url);
const recorded = (name: string): Uint8Array => readFileSync(new URL(`${name}.xml`, FOLDER));
const callOf = (name: string, soapAction?: string) => {
  const decoded = decodeRequest(recorded(name), { soapAction });
  if (!decoded.ok) throw new Error(`${name}: ${decoded.fault.text}`);
  return decoded.call;
};
const request = (call: string): Uint8Array =>
  Buffer.from(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${call}</e:Body></e:Envelope>`);

describe('requests as clients send them', () => {
  const names = readdirSync(FOLDER).map((file) => file.replace('.xml', ''));

  test.each(names)('%s decodes', (name) => {
    expect(callOf(name).method).toBe(name.slice(name.indexOf('-') + 1));
  });

  test('the three shapes of one call mean the same', () => {
    const expected = {
      method: 'RetrieveServiceContent',
      target: { type: 'ServiceInstance', id: 'ServiceInstance' },
      args: {},
    };
    expect(callOf('govc-RetrieveServiceContent', 'urn:vim25/9.1.0.0')).toMatchObject({ ...expected, version: '6.7' });
    expect(callOf('pyvmomi-RetrieveServiceContent')).toMatchObject(expected);
    expect(callOf('virsh-RetrieveServiceContent')).toMatchObject({ ...expected, version: '4.1' });
  });

  test('arguments are typed by the table', () => {
    expect(callOf('virsh-FindByUuid').args).toEqual({
      datacenter: moRef('Datacenter', 'ha-datacenter'),
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      vmSearch: true,
    });
    expect(callOf('pyvmomi-Fetch').target.type).not.toBe('');
    const spec = callOf('pyvmomi-ReconfigVM_Task').args['spec'];
    expect(spec).toMatchObject({
      memoryMB: 1024,
      deviceChange: [
        {
          operation: 'add',
          device: { _type: 'VirtualE1000', key: -1, backing: { _type: 'VirtualEthernetCardNetworkBackingInfo' } },
        },
      ],
      extraConfig: [
        { key: 'a', value: 'x' },
        { key: 'b', value: 5 },
      ],
    });
    expect(callOf('govc-RetrievePropertiesEx')).toMatchObject({
      operation: 'abc',
      args: { specSet: [{ objectSet: [{ selectSet: [{ _type: 'TraversalSpec' }] }] }] },
    });
  });

  test('every truncation of a request is a fault', () => {
    const bytes = recorded('pyvmomi-ReconfigVM_Task');
    const end = Buffer.from(bytes).lastIndexOf('>');
    for (let at = 0; at < end; at++) expect(decodeRequest(bytes.subarray(0, at)).ok).toBe(false);
  });
});

describe('requests that are wrong', () => {
  const kind = (call: string): string => {
    const decoded = decodeRequest(request(call));
    return decoded.ok ? 'call' : decoded.fault.kind;
  };
  test.each([
    ['<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>', 'call'],
    [
      '<v:CurrentTime xmlns:v="urn:vim25"><v:_this type="v:ServiceInstance">ServiceInstance</v:_this></v:CurrentTime>',
      'call',
    ],
    ['<CurrentTime xmlns="urn:pbm"><_this type="ServiceInstance">x</_this></CurrentTime>', 'invalid-request'],
    ['<CurrentTime xmlns="urn:vim25"/>', 'invalid-request'],
    ['<CurrentTime xmlns="urn:vim25"><_this>x</_this></CurrentTime>', 'invalid-request'],
    ['<NoSuch xmlns="urn:vim25"><_this type="ServiceInstance">x</_this></NoSuch>', 'method-not-found'],
    ['<PowerOnVM_Task xmlns="urn:vim25"><_this type="Folder">x</_this></PowerOnVM_Task>', 'method-not-found'],
    ['<Destroy_Task xmlns="urn:vim25"><_this type="ManagedEntity">x</_this></Destroy_Task>', 'call'],
    ['<Rename_Task xmlns="urn:vim25"><_this type="VirtualMachine">x</_this></Rename_Task>', 'invalid-request'],
    ['<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">x</_this><more/></CurrentTime>', 'invalid-request'],
  ])('%s: %s', (call, expected) => {
    expect(kind(call)).toBe(expected);
  });

  test('a prefixed xsi:type is resolved', () => {
    const decoded = decodeRequest(
      request(`<n:RetrieveProperties xmlns:n="urn:vim25" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><n:_this type="PropertyCollector">pc</n:_this>
      <n:specSet><n:propSet><n:type>Task</n:type></n:propSet><n:objectSet><n:obj type="Folder">f</n:obj>
      <n:selectSet i:type="n:TraversalSpec"><n:type>Folder</n:type><n:path>childEntity</n:path></n:selectSet></n:objectSet></n:specSet></n:RetrieveProperties>`),
    );
    expect(decoded).toMatchObject({
      ok: true,
      call: { args: { specSet: [{ objectSet: [{ selectSet: [{ _type: 'TraversalSpec', path: 'childEntity' }] }] }] } },
    });
  });
});

describe('replies', () => {
  const body = (text: string): string =>
    text.slice(text.indexOf('<soapenv:Body>\n') + 15, text.indexOf('\n</soapenv:Body>'));

  test('a value, an array, an Any, nothing', () => {
    const version = '6.7';
    expect(body(encodeReply({ method: 'CurrentTime', version }, 0))).toBe(
      '<CurrentTimeResponse xmlns="urn:vim25"><returnval>1970-01-01T00:00:00.000Z</returnval></CurrentTimeResponse>',
    );
    expect(body(encodeReply({ method: 'Logout', version }, undefined))).toBe(
      '<LogoutResponse xmlns="urn:vim25"></LogoutResponse>',
    );
    expect(
      body(
        encodeReply({ method: 'FindAllByUuid', version }, [moRef('VirtualMachine', '1'), moRef('VirtualMachine', '2')]),
      ),
    ).toBe(
      '<FindAllByUuidResponse xmlns="urn:vim25"><returnval type="VirtualMachine">1</returnval><returnval type="VirtualMachine">2</returnval></FindAllByUuidResponse>',
    );
    expect(body(encodeReply({ method: 'Fetch', version }, 'x'))).toBe(
      '<FetchResponse xmlns="urn:vim25"><returnval xsi:type="xsd:string">x</returnval></FetchResponse>',
    );
    expect(() => encodeReply({ method: 'Logout', version }, 1)).toThrow(/returns nothing/);
  });

  test('the wrap around a streamed body makes the same reply', () => {
    const call = { method: 'FindByUuid', version: '6.5' };
    const { before, after } = wrapReply(call);
    expect(`${before}<returnval type="VirtualMachine">1</returnval>${after}`).toBe(
      encodeReply(call, moRef('VirtualMachine', '1')),
    );
  });
});

describe('faults', () => {
  test.each(Object.keys(FAULTS) as FaultKind[])(
    '%s is a complete vim25 fault that encodes at every version',
    (kind) => {
      const reason = fault(kind, FAULTS[kind] as FaultMembers[typeof kind], 'more about it') as Fault;
      const context = { target: { type: 'VirtualMachine', id: 'vm-1' }, refs: () => moRef('Task', 'task-1') };
      const shown = vimFault(reason, context);
      expect(missingMembers(shown)).toEqual([]);
      expect(shown.text).not.toBe('');
      const xml = encodeFault({ version: '6.7', target: context.target }, reason, context);
      expect(readXml(xml).ok).toBe(true);
      expect(xml).toContain(`<detail><${shown.type}Fault xmlns="urn:vim25" xsi:type="${shown.type}">`);
      expect(dataObject(shown.type)).toBeDefined();
      expect(encodeElement('error', 'LocalizedMethodFault', localized(reason, context), '5.5')).toContain(
        `<fault xsi:type="${shown.type}">`,
      );
    },
  );

  test('texts that clients compare', () => {
    expect(vimFault(fault('invalid-state', {}, '')).text).toBe('The operation is not allowed in the current state.');
    expect(vimFault(fault('invalid-login', {}, 'x'), { loginText: 'Login failure' })).toEqual({
      type: 'InvalidLogin',
      members: {},
      text: 'Login failure',
    });
    expect(vimFault(fault('wrong-state', { requested: 'running', existing: 'running' }, ''))).toEqual({
      type: 'InvalidPowerState',
      members: { requestedState: 'poweredOn', existingState: 'poweredOn' },
      text: 'The attempted operation cannot be performed in the current state (Powered on).',
    });
    expect(vimFault(fault('object-not-found', { type: 'VirtualMachine', id: 'vm-9' }, '')).text).toBe(
      "The object 'vim.VirtualMachine:vm-9' has already been deleted or has not been completely created",
    );
  });

  test('a fault of a vim25 host goes back as it was', () => {
    const native = { platform: 'vim25', code: 'FileLocked', text: 'locked!', detail: { file: '[ds] a' } };
    expect(vimFault(fault('internal', {}, 'x', native))).toEqual({
      type: 'FileLocked',
      members: { file: '[ds] a' },
      text: 'locked!',
    });
    expect(vimFault(fault('internal', {}, 'x', { ...native, code: 'VirtualMachineConfigSpec' })).type).toBe(
      'SystemError',
    );
  });

  test('the receiver of an unknown method is told', () => {
    const decoded = decodeRequest(
      request('<NoSuch xmlns="urn:vim25"><_this type="VirtualMachine">vm-1</_this></NoSuch>'),
    );
    if (decoded.ok) throw new Error('decoded');
    expect(encodeFault(decoded, decoded.fault)).toContain(
      '<receiver type="VirtualMachine">vm-1</receiver><method>NoSuch</method>',
    );
  });

  test('a log-in fault says nothing of why', () => {
    expect(encodeFault({ version: '' }, fault('invalid-login', {}, 'no such user bob'))).not.toContain('bob');
  });
});

describe('cookies', () => {
  test.each([
    ['vmware_soap_session="ab-12"', 'ab-12'],
    ['vmware_soap_session=ab-12', 'ab-12'],
    ['vmware_soap_session="ab-12"; Path=/; HttpOnly; Secure;', 'ab-12'],
    ['other=1; vmware_soap_session="ab-12"', 'ab-12'],
    ['flag; vmware_soap_session="ab-12"', 'ab-12'],
    [' vmware_soap_session = "ab-12" ', 'ab-12'],
    ['vmware_soap_session="a b"; vmware_soap_session=ab-12', 'ab-12'],
    ['vmware_soap_session="ab-12', undefined],
    ['old_vmware_soap_session=ab-12', undefined],
    ['vmware_soap_session="a b"', undefined],
    [`vmware_soap_session=${'a'.repeat(600)}`, undefined],
    ['', undefined],
  ])('%s', (header, token) => {
    expect(cookieOf({ cookie: header })).toBe(token);
  });

  test('what is set is what comes back, Secure only on TLS', () => {
    expect(cookieOf({ cookie: setCookie('ab.c-1', true) })).toBe('ab.c-1');
    expect(setCookie('x', true)).toBe('vmware_soap_session="x"; Path=/; HttpOnly; Secure;');
    expect(setCookie('x', false)).not.toContain('Secure');
    expect(cookieOf({})).toBeUndefined();
  });
});

test('the version list is what pyVmomi asks for', () => {
  const read = readXml(SERVICE_VERSIONS);
  expect(read.ok && [read.root.name, read.root.attributes[0]?.value]).toEqual(['namespaces', '1.0']);
  expect(SERVICE_VERSIONS).toMatch(
    /<name>urn:vim25<\/name>\s*<version>6\.7<\/version>\s*<priorVersions>\s*<version>6\.5</,
  );
});
