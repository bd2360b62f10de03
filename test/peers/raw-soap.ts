/** SOAP by hand: a body's text in, status, cookie and the fault's own type out. Sends what no client library would. */
import { Agent, request } from 'node:https';
import type { Endpoint } from './clients.ts';

export type Answer = {
  readonly status: number;
  readonly text: string;
  readonly cookie: string | undefined;
  /** The fault's type from its detail, such as `InvalidLogin`; undefined when it is no fault. */
  readonly fault: string | undefined;
};

const ANSWER_LIMIT = 64 * 1024 * 1024;

export const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export const envelope = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><Body>${body}</Body></Envelope>`;

export const faultOf = (text: string): string | undefined => {
  if (!/<(?:\w+:)?Fault>/.test(text)) return undefined;
  return (
    /<(?:\w+:)?detail>\s*<\w+ [^>]*xsi:type="(?:\w+:)?(\w+)"/.exec(text)?.[1] ??
    /<(?:\w+:)?detail>\s*<(\w+?)(?:Fault)?[ />]/.exec(text)?.[1] ??
    'Fault without detail'
  );
};

/** The first text of an element, whatever its attributes. */
export const textIn = (text: string, element: string): string | undefined =>
  new RegExp(`<${element}(?: [^>]*)?>([^<]*)</${element}>`).exec(text)?.[1];

export const textsIn = (text: string, element: string): readonly string[] =>
  [...text.matchAll(new RegExp(`<${element}(?: [^>]*)?>([^<]*)</${element}>`, 'g'))].map(([, value = '']) => value);

export type RawSoap = {
  /** Any bytes as the body. */
  readonly post: (body: string | Buffer, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  /** A method element within an envelope: `call('CurrentTime', 'ServiceInstance', 'ServiceInstance')`. */
  readonly call: (method: string, type: string, moid: string, inner?: string) => Promise<Answer>;
  /** The moid of a manager, by its member of ServiceContent. */
  readonly manager: (name: string) => Promise<string>;
  readonly logIn: (user?: string, password?: string) => Promise<Answer>;
  readonly get: (path: string) => Promise<Answer>;
  /** The properties of one object: path to the inner XML of its value. */
  readonly read: (type: string, moid: string, ...paths: string[]) => Promise<ReadonlyMap<string, string>>;
  /** Waits for a Task; gives its state and the type of its error. */
  readonly taskEnd: (task: string) => Promise<{ state: string; fault: string | undefined; text: string }>;
  /** Calls a `_Task` method: the fault comes directly or from the task; undefined when it succeeded. */
  readonly run: (method: string, type: string, moid: string, inner?: string) => Promise<string | undefined>;
  readonly vm: (name: string) => Promise<string>;
  /** Makes a filter of the spec's inner XML, which tells whole values. */
  readonly filter: (spec: string) => Promise<Answer>;
  /** What changed since the version; '' at first. */
  readonly waitForUpdates: (version: string, maxWaitSeconds: number) => Promise<Answer>;
  /** Watches properties of one VM; gives the version from which their changes are waited for. */
  readonly watch: (vm: string, ...paths: string[]) => Promise<string>;
  readonly forget: () => void;
  readonly close: () => void;
};

export const rawSoap = (
  endpoint: Endpoint,
  agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 64 }),
): RawSoap => {
  let cookie: string | undefined;
  const send = (
    method: string,
    path: string,
    body: string | Buffer | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(endpoint.url);
      const out = request(
        {
          agent,
          hostname,
          port,
          path,
          method,
          rejectUnauthorized: false,
          timeout: 60_000,
          headers: { ...(cookie === undefined ? {} : { Cookie: cookie }), ...headers },
        },
        (answer) => {
          const parts: Buffer[] = [];
          let size = 0;
          answer.on('data', (part: Buffer) => {
            size += part.length;
            if (size > ANSWER_LIMIT) answer.destroy(new Error('the answer is too long'));
            else parts.push(part);
          });
          answer.once('error', reject);
          answer.once('end', () => {
            const text = Buffer.concat(parts).toString('utf8');
            const set = answer.headers['set-cookie']
              ?.find((one) => one.startsWith('vmware_soap_session='))
              ?.split(';')[0];
            if (set !== undefined) cookie = set;
            resolve({ status: answer.statusCode ?? 0, text, cookie: set, fault: faultOf(text) });
          });
        },
      );
      out.once('timeout', () => out.destroy(new Error('no answer in 60 s')));
      out.once('error', reject);
      out.end(body);
    });
  const post: RawSoap['post'] = (body, headers = {}) =>
    send('POST', '/sdk', body, {
      'Content-Type': 'text/xml; charset="utf-8"',
      SOAPAction: 'urn:vim25/8.0.2.0',
      ...headers,
    });
  const call: RawSoap['call'] = (method, type, moid, inner = '') =>
    post(envelope(`<${method} xmlns="urn:vim25"><_this type="${type}">${escapeXml(moid)}</_this>${inner}</${method}>`));
  let managers: string | undefined;
  const manager = async (name: string): Promise<string> => {
    managers ??= (await call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance')).text;
    return textIn(managers, name) ?? '';
  };
  const logIn: RawSoap['logIn'] = async (user = endpoint.user, password = endpoint.password) =>
    call(
      'Login',
      'SessionManager',
      await manager('sessionManager'),
      `<userName>${escapeXml(user)}</userName><password>${escapeXml(password)}</password>`,
    );
  const retrieve = async (type: string, moid: string, paths: readonly string[]): Promise<Answer> =>
    call(
      'RetrieveProperties',
      'PropertyCollector',
      await manager('propertyCollector'),
      `<specSet><propSet><type>${type}</type>${paths.map((path) => `<pathSet>${escapeXml(path)}</pathSet>`).join('')}</propSet><objectSet><obj type="${type}">${escapeXml(moid)}</obj></objectSet></specSet>`,
    );
  const read: RawSoap['read'] = async (type, moid, ...paths) => {
    const answer = await retrieve(type, moid, paths);
    if (answer.fault !== undefined)
      throw new Error(`reading ${type}:${moid}: ${answer.fault}: ${answer.text.slice(0, 500)}`);
    return new Map(
      [...answer.text.matchAll(/<propSet><name>([^<]*)<\/name><val[^>]*?(?:\/>|>([\s\S]*?)<\/val>)<\/propSet>/g)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
  };
  const taskEnd: RawSoap['taskEnd'] = async (task) => {
    const end = Date.now() + 60_000;
    for (;;) {
      const info = (await read('Task', task, 'info')).get('info') ?? '';
      const state = textIn(info, 'state') ?? '';
      if (state === 'success' || state === 'error')
        return { state, fault: /<fault [^>]*xsi:type="(\w+)"/.exec(info)?.[1], text: info };
      if (Date.now() > end) throw new Error(`the task ${task} does not end: ${info}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const run: RawSoap['run'] = async (method, type, moid, inner) => {
    const answer = await call(method, type, moid, inner);
    if (answer.fault !== undefined) return answer.fault;
    const task = /<returnval[^>]*type="Task"[^>]*>([^<]*)</.exec(answer.text)?.[1];
    if (task === undefined) return undefined;
    const end = await taskEnd(task);
    return end.state === 'success' ? undefined : (end.fault ?? 'error without fault');
  };
  const vm: RawSoap['vm'] = async (name) => {
    const { text } = await call(
      'FindByInventoryPath',
      'SearchIndex',
      await manager('searchIndex'),
      `<inventoryPath>ha-datacenter/vm/${escapeXml(name)}</inventoryPath>`,
    );
    const moid = /<returnval[^>]*>([^<]+)</.exec(text)?.[1];
    if (moid === undefined) throw new Error(`no VM ${name}: ${text.slice(0, 600)}`);
    return moid;
  };
  const filter: RawSoap['filter'] = async (spec) =>
    call(
      'CreateFilter',
      'PropertyCollector',
      await manager('propertyCollector'),
      `<spec>${spec}</spec><partialUpdates>false</partialUpdates>`,
    );
  const waitForUpdates: RawSoap['waitForUpdates'] = async (version, maxWaitSeconds) =>
    call(
      'WaitForUpdatesEx',
      'PropertyCollector',
      await manager('propertyCollector'),
      `<version>${version}</version><options><maxWaitSeconds>${maxWaitSeconds}</maxWaitSeconds></options>`,
    );
  const watch: RawSoap['watch'] = async (vm, ...paths) => {
    const made = await filter(
      `<propSet><type>VirtualMachine</type>${paths.map((path) => `<pathSet>${path}</pathSet>`).join('')}</propSet><objectSet><obj type="VirtualMachine">${vm}</obj></objectSet>`,
    );
    if (made.fault !== undefined) throw new Error(`no filter: ${made.text.slice(0, 500)}`);
    const first = await waitForUpdates('', 10);
    const version = textIn(first.text, 'version');
    if (version === undefined) throw new Error(`no version: ${first.text.slice(0, 500)}`);
    return version;
  };
  return {
    post,
    call,
    manager,
    logIn,
    get: (path) => send('GET', path, undefined, {}),
    read,
    taskEnd,
    run,
    vm,
    filter,
    waitForUpdates,
    watch,
    forget: () => {
      cookie = undefined;
    },
    close: () => agent.destroy(),
  };
};
