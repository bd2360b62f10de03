/** The conversation with a vim25 host against scripted answers: log-in, session loss, tasks, faults, transfers, updates. */
import { describe, expect, it } from 'vitest';
import type { HttpConversation } from '../../../../mappings/generic/platform.ts';
import { converse } from '../../../../mappings/vim25/host/conversation.ts';
import { contentRef } from '../../../../mappings/vim25/host/soap-call.ts';
import { moRef } from '../../../../mappings/vim25/values.ts';
import type { XmlElement } from '../../../../mappings/wire/xml.ts';
import { faulted, got, LOG_IN, type Script, scriptedHost } from './scripted-host.ts';

const CREDENTIALS = { user: 'ann <a>', password: 'p&ss' };
const VM = moRef('VirtualMachine', 'vm-1');

const opened = (script: Script, apiType: 'HostAgent' | 'VirtualCenter' = 'HostAgent') => {
  const host = scriptedHost({ ...LOG_IN, ...script });
  const conversation: HttpConversation = converse({ endpoint: { kind: 'https' }, apiType });
  return { host, conversation, outcome: host.run(conversation.open(CREDENTIALS)).value };
};
const task = (state: string, more = ''): string =>
  `<returnval><objects><obj type="Task">t</obj><propSet><name>info</name><val xsi:type="TaskInfo"><key>t</key><state>${state}</state>${more}</val></propSet></objects></returnval>`;

describe('log-in', () => {
  it('sends user and password once, escaped, and the cookie from then on, but not in the log-in itself', () => {
    const { host, conversation, outcome } = opened({
      CurrentTime: () => '<returnval>2026-01-01T00:00:00Z</returnval>',
    });
    expect(outcome).toEqual({ ok: true, value: undefined });
    expect(host.methods()).toEqual(['RetrieveServiceContent', 'Login']);
    expect(host.asked[1]?.body).toContain('<userName>ann &lt;a&gt;</userName><password>p&amp;ss</password>');
    expect(host.asked[1]?.ask.headers).not.toHaveProperty('cookie');
    host.run(conversation.call('CurrentTime', { _this: moRef('ServiceInstance', 'ServiceInstance') }));
    expect(host.asked[2]?.ask.headers).toMatchObject({
      cookie: 'vmware_soap_session="session-1"',
      soapaction: 'urn:vim25/6.5',
    });
  });

  it('refuses what is not the kind of host that the URI says', () => {
    const { outcome } = opened({
      RetrieveServiceContent: () => '<returnval><about><apiType>VirtualCenter</apiType></about></returnval>',
    });
    expect(outcome).toMatchObject({
      ok: false,
      fault: { kind: 'not-supported', text: expect.stringContaining('vpx') },
    });
  });

  it('gives the refusal of a user as what it is', () => {
    const { outcome } = opened({ Login: () => faulted('InvalidLogin', 'no') });
    expect(outcome).toMatchObject({ ok: false, fault: { kind: 'invalid-login', native: { code: 'InvalidLogin' } } });
  });

  it('logs out with one request, and only when it was in', () => {
    const { conversation } = opened({});
    expect(conversation.leave()?.body).toContain(
      '<Logout xmlns="urn:vim25"><_this type="SessionManager">sm</_this></Logout>',
    );
    expect(converse({ endpoint: { kind: 'https' }, apiType: 'HostAgent' }).leave()).toBeUndefined();
  });
});

describe('calls', () => {
  it('renew a session that the host has forgotten, once, and are made again', () => {
    const { host, conversation } = opened({
      PowerOffVM_Task: (_, times) =>
        times === 1 ? faulted('NotAuthenticated', 'x') : '<returnval type="Task">t</returnval>',
      RetrievePropertiesEx: () => task('success'),
    });
    const { value } = host.run(conversation.call('PowerOffVM_Task', { _this: VM }));
    expect(value).toMatchObject({ ok: true });
    expect(host.methods().slice(2)).toEqual([
      'PowerOffVM_Task',
      'RetrieveServiceContent',
      'Login',
      'PowerOffVM_Task',
      'RetrievePropertiesEx',
    ]);
    expect(host.asked.at(-2)?.ask.headers['cookie']).toBe('vmware_soap_session="session-2"');
  });

  it('end the connection when the session cannot be renewed', () => {
    const { host, conversation } = opened({
      PowerOffVM_Task: () => faulted('NotAuthenticated', 'x'),
      Login: (asked, times) => (times === 1 ? (LOG_IN['Login']?.(asked, 1) ?? '') : faulted('InvalidLogin', 'no')),
    });
    expect(() => host.run(conversation.call('PowerOffVM_Task', { _this: VM }))).toThrow(/session was lost/);
  });

  it('wait for the end of their task with growing pauses and give its result', () => {
    const { host, conversation } = opened({
      CreateSnapshot_Task: () => '<returnval type="Task">t</returnval>',
      RetrievePropertiesEx: (_, times) =>
        times < 5
          ? task('running')
          : task('success', '<result xsi:type="ManagedObjectReference" type="VirtualMachineSnapshot">s-1</result>'),
    });
    const { value, pausedMs } = host.run(
      conversation.call('CreateSnapshot_Task', { _this: VM, name: 'a<b', memory: false, quiesce: true }),
    );
    const elements = (value?.ok === true ? value.value['elements'] : []) as XmlElement[];
    expect(elements[0]?.text).toBe('s-1');
    expect(pausedMs).toBe(20 + 40 + 80 + 160);
    expect(host.asked[2]?.body).toContain('<name>a&lt;b</name><memory>false</memory><quiesce>true</quiesce>');
  });

  it('give the fault of a task as the hub’s', () => {
    const error =
      '<error><fault xsi:type="InvalidPowerState"><requestedState>poweredOff</requestedState><existingState>suspended</existingState></fault><localizedMessage>not now</localizedMessage></error>';
    const { host, conversation } = opened({
      PowerOffVM_Task: () => '<returnval type="Task">t</returnval>',
      RetrievePropertiesEx: () => task('error', error),
    });
    expect(host.run(conversation.call('PowerOffVM_Task', { _this: VM })).value).toEqual({
      ok: false,
      fault: {
        kind: 'wrong-state',
        members: { requested: 'stopped', existing: 'suspended' },
        text: 'not now',
        native: {
          platform: 'vim25',
          code: 'InvalidPowerState',
          text: 'not now',
          detail: { requestedState: 'poweredOff', existingState: 'suspended' },
        },
      },
    });
  });

  it('name managers by the host’s own references, in arguments too, and refuse those it has not', () => {
    const { host, conversation } = opened({
      CreateContainerView: () => '<returnval type="ContainerView">v</returnval>',
    });
    host.run(
      conversation.call('CreateContainerView', {
        _this: contentRef('ViewManager', 'viewManager'),
        container: contentRef('Folder', 'rootFolder'),
        type: ['VirtualMachine'],
        recursive: true,
      }),
    );
    expect(host.asked[2]?.body).toContain(
      '<_this type="ViewManager">views</_this><container type="Folder">root</container>',
    );
    const missing = conversation.call('QueryPerf', {
      _this: contentRef('PerformanceManager', 'perfManager'),
      querySpec: [],
    });
    expect(host.run(missing).value).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
  });

  it.each([
    ['another status', got(503, 'busy')],
    ['no XML', got(200, 'hello')],
    ['another envelope', got(200, '<a/>')],
    [
      'another answer',
      got(200, '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><X/></e:Body></e:Envelope>'),
    ],
    ['a document type', got(200, '<!DOCTYPE a [<!ENTITY b "c">]><a/>')],
  ])('take %s for a host that is lost', (_, said) => {
    const { host, conversation } = opened({ PowerOffVM_Task: () => said });
    const { value } = host.run(conversation.call('PowerOffVM_Task', { _this: VM }));
    expect(value).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
    expect(value?.ok === false && 'native' in value.fault).toBe(false);
  });
});

describe('transfers', () => {
  it('ask for a range of a file by the names of datastore and datacenter', () => {
    const { conversation } = opened({});
    const args = { path: 'a b/ü%.vmdk', datastore: 'ds & 1', datacenter: 'DC0', offset: 10, length: 5 };
    expect(conversation.stream('FolderFile', args, 'download')).toEqual({
      ok: true,
      value: {
        method: 'GET',
        path: '/folder/a%20b/%C3%BC%25.vmdk?dcPath=DC0&dsName=ds+%26+1',
        headers: expect.objectContaining({ range: 'bytes=10-14', cookie: 'vmware_soap_session="session-1"' }),
      },
    });
    expect(conversation.stream('FolderFile', { ...args, offset: 0 }, 'upload')).toMatchObject({
      value: { method: 'PUT', headers: { 'content-length': '5' } },
    });
    expect(conversation.stream('FolderFile', args, 'upload')).toMatchObject({ fault: { kind: 'not-supported' } });
    expect(conversation.stream('Other', args, 'download')).toMatchObject({ fault: { kind: 'not-supported' } });
  });
});

describe('updates', () => {
  const object = (kind: string, id: string, changes: string): string =>
    `<objectSet><kind>${kind}</kind><obj type="VirtualMachine">${id}</obj>${changes}</objectSet>`;
  const power = (state: string): string =>
    `<changeSet><name>runtime.powerState</name><op>assign</op><val xsi:type="VirtualMachinePowerState">${state}</val></changeSet>`;
  const stores =
    '<changeSet><name>datastore</name><op>assign</op><val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore">ds-1</ManagedObjectReference></val></changeSet>';
  const update = (version: string, inner: string, more = ''): string =>
    `<returnval><version>${version}</version><filterSet>${inner}</filterSet>${more}</returnval>`;
  const MADE: Script = {
    CreatePropertyCollector: () => '<returnval type="PropertyCollector">own</returnval>',
    CreateContainerView: () => '<returnval type="ContainerView">v</returnval>',
    CreateFilter: () => '<returnval type="PropertyFilter">f</returnval>',
  };

  it('tell what came, changed and went after the first state, which is nobody’s event', () => {
    const said = [
      update('1', object('enter', 'vm-1', power('poweredOn') + stores), '<truncated>true</truncated>'),
      update('2', object('enter', 'vm-2', power('suspended') + stores)),
      update('3', object('modify', 'vm-1', power('poweredOff')) + object('modify', 'vm-2', power('poweredOn'))),
      '',
      update('4', object('leave', 'vm-1', '') + object('enter', 'vm-3', power('poweredOff') + stores)),
    ];
    const { host, conversation } = opened({ ...MADE, WaitForUpdatesEx: (_, times) => said[times - 1] ?? '' });
    const talk = conversation.listen?.();
    if (talk === undefined) throw new Error('it does not listen');
    const { events } = host.run(talk, 4);
    const args = events.map((round) => round.map((event) => event.args));
    expect(args).toEqual([
      [],
      [
        { type: 'VirtualMachine', id: 'vm-1', kind: 'modify', hint: 'vm.stopped', datastores: [] },
        { type: 'VirtualMachine', id: 'vm-2', kind: 'modify', hint: 'vm.resumed', datastores: [] },
      ],
      [],
      [
        { type: 'VirtualMachine', id: 'vm-1', kind: 'leave', datastores: ['ds-1'] },
        { type: 'VirtualMachine', id: 'vm-3', kind: 'enter', datastores: ['ds-1'] },
      ],
    ]);
    const waits = host.asked.filter(({ method }) => method === 'WaitForUpdatesEx');
    const versions = waits.map(({ body }) => /<version>(.*?)<\/version>/.exec(body)?.[1]);
    expect(versions).toEqual(['', '1', '2', '3', '3']);
    expect(waits.map(({ body }) => /<maxWaitSeconds>(\d+)/.exec(body)?.[1])).toEqual(['0', '0', '60', '60', '60']);
    expect(waits[2]?.ask.limitMs).toBeGreaterThan(60_000);
  });

  it('end with the session, whose filter is gone', () => {
    const { host, conversation } = opened({ ...MADE, WaitForUpdatesEx: () => faulted('NotAuthenticated', 'x') });
    const talk = conversation.listen?.();
    if (talk === undefined) throw new Error('it does not listen');
    expect(host.run(talk).value).toMatchObject({ ok: false, fault: { kind: 'not-authenticated' } });
    expect(host.methods()).not.toContain('Logout');
    expect(host.methods().filter((method) => method === 'Login')).toHaveLength(1);
  });
});
