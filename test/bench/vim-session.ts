/** A logged-in session over the raw client: the few vim25 requests of the bench as text, the same for both servers. */
import type { Endpoint } from '../peers/clients.ts';
import { envelope, escapeXml, textIn } from '../peers/raw-soap.ts';
import { openRaw, type RawHttp } from './raw-http.ts';

export type VimSession = {
  readonly http: RawHttp;
  readonly call: (
    method: string,
    type: string,
    moid: string,
    inner?: string,
    keep?: boolean,
  ) => ReturnType<RawHttp['post']>;
  readonly manager: (name: string) => string;
  /** RetrievePropertiesEx of these paths over all VMs: seconds and bytes. */
  readonly readAll: (
    paths: readonly string[],
    keep?: boolean,
  ) => Promise<{ seconds: number; bytes: number; text: string }>;
  /** moid by name, of all VMs. */
  readonly machines: () => Promise<ReadonlyMap<string, string>>;
  /** Starts a task and waits for its end. */
  readonly run: (method: string, moid: string, inner?: string) => Promise<void>;
  /** Watches these paths of all VMs: each call gives the next answer of WaitForUpdatesEx, the first one after all they are now. */
  readonly watch: (paths: readonly string[]) => Promise<() => Promise<string>>;
  readonly close: () => void;
};

export const soapBody = (method: string, type: string, moid: string, inner: string): string =>
  envelope(`<${method} xmlns="urn:vim25"><_this type="${type}">${moid}</_this>${inner}</${method}>`);

export const currentTime = soapBody('CurrentTime', 'ServiceInstance', 'ServiceInstance', '');

export const openSession = async (endpoint: Endpoint): Promise<VimSession> => {
  const http = await openRaw(endpoint.url);
  const call: VimSession['call'] = (method, type, moid, inner = '', keep = true) =>
    http.post(soapBody(method, type, moid, inner), keep);
  const content = (await call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance')).text;
  const manager = (name: string): string => textIn(content, name) ?? '';
  const login = await call(
    'Login',
    'SessionManager',
    manager('sessionManager'),
    `<userName>${escapeXml(endpoint.user)}</userName><password>${escapeXml(endpoint.password)}</password>`,
  );
  if (login.status !== 200) throw new Error(`no log-in: ${login.text.slice(0, 500)}`);
  const made = await call(
    'CreateContainerView',
    'ViewManager',
    manager('viewManager'),
    `<container type="Folder">${manager('rootFolder')}</container><type>VirtualMachine</type><recursive>true</recursive>`,
  );
  const view = textIn(made.text, 'returnval') ?? '';
  const collector = manager('propertyCollector');
  const readAll: VimSession['readAll'] = async (paths, keep = false) => {
    const spec = `<specSet><propSet><type>VirtualMachine</type>${paths.map((path) => `<pathSet>${path}</pathSet>`).join('')}</propSet><objectSet><obj type="ContainerView">${escapeXml(view)}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></specSet><options/>`;
    const begun = performance.now();
    const { status, bytes, text } = await http.post(
      soapBody('RetrievePropertiesEx', 'PropertyCollector', collector, spec),
      keep,
    );
    if (status !== 200) throw new Error(`the read failed with ${status}`);
    return { seconds: (performance.now() - begun) / 1000, bytes, text };
  };
  const machines = async (): Promise<ReadonlyMap<string, string>> => {
    const { text } = await readAll(['name'], true);
    return new Map(
      [...text.matchAll(/<obj type="VirtualMachine">([^<]*)<\/obj><propSet><name>name<\/name><val[^>]*>([^<]*)</g)].map(
        ([, moid = '', name = '']) => [name, moid],
      ),
    );
  };
  const run: VimSession['run'] = async (method, moid, inner) => {
    const started = await call(method, 'VirtualMachine', moid, inner);
    const task = textIn(started.text, 'returnval');
    if (started.status !== 200 || task === undefined) throw new Error(`${method}: ${started.text.slice(-600)}`);
    for (let n = 0; n < 3000; n += 1) {
      const { text } = await call(
        ...(['RetrieveProperties', 'PropertyCollector', collector] as const),
        `<specSet><propSet><type>Task</type><pathSet>info.state</pathSet><pathSet>info.error</pathSet></propSet><objectSet><obj type="Task">${escapeXml(task)}</obj></objectSet></specSet>`,
      );
      if (/>success</.test(text)) return;
      if (/>error</.test(text)) throw new Error(`${method}: ${text.slice(-600)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${method} does not end`);
  };
  const watch: VimSession['watch'] = async (paths) => {
    const own = textIn((await call('CreatePropertyCollector', 'PropertyCollector', collector)).text, 'returnval') ?? '';
    const filter = `<spec><propSet><type>VirtualMachine</type>${paths.map((path) => `<pathSet>${path}</pathSet>`).join('')}</propSet><objectSet><obj type="ContainerView">${escapeXml(view)}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></spec><partialUpdates>false</partialUpdates>`;
    const created = await call('CreateFilter', 'PropertyCollector', own, filter);
    if (created.status !== 200) throw new Error(created.text.slice(-500));
    let version = '';
    const next = async (): Promise<string> => {
      const answer = await call(
        'WaitForUpdatesEx',
        'PropertyCollector',
        own,
        `<version>${version}</version><options><maxWaitSeconds>30</maxWaitSeconds></options>`,
      );
      if (answer.status !== 200) throw new Error(answer.text.slice(-500));
      version = textIn(answer.text, 'version') ?? version;
      return answer.text;
    };
    while (/<truncated>true</.test(await next()));
    return next;
  };
  return { http, call, manager, readAll, machines, run, watch, close: () => http.close() };
};
