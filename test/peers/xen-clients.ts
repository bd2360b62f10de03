/** XenAPI clients nobody here wrote, each on an endpoint: npm's xen-api, PyPI's XenAPI, Debian's fence_xenapi; for any XenAPI server. */
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { connect } from 'node:tls';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openPythonActs } from './act-program.ts';
import { type Output, requireClient, runProgram } from './clients.ts';

/** Where a XenAPI client connects. */
export type XenEndpoint = {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** SHA-256 of the server's certificate, checked before any client is let near; '' without TLS. */
  readonly fingerprint: string;
};

/** A record as xen-api's cache has it: the API's fields, `$ref`, `$type`, and `$`-fields that resolve references. */
export type XenRecord = Readonly<Record<string, unknown>> & {
  readonly $ref: string;
  readonly $type: string;
  readonly uuid: string;
  readonly update_other_config: (key: string, value: string | null) => Promise<void>;
};

/** As much of npm's xen-api as tests use. Errors of the API have `code` and `params`. */
export type Xapi = {
  readonly status: string;
  readonly sessionId: string;
  readonly pool: XenRecord | null;
  readonly objects: { readonly all: Readonly<Record<string, XenRecord>> };
  readonly objectsFetched: Promise<void>;
  readonly connect: () => Promise<void>;
  readonly disconnect: () => Promise<void>;
  readonly call: (method: string, ...args: readonly unknown[]) => Promise<unknown>;
  /** Runs in the background, waits for the task in the event stream, destroys it. */
  readonly callAsync: (method: string, ...args: readonly unknown[]) => Promise<unknown>;
  readonly watchTask: (ref: string) => Promise<unknown>;
  readonly getObject: (idOrRef: string, otherwise?: unknown) => XenRecord;
  readonly getObjectByRef: (ref: string, otherwise?: unknown) => XenRecord;
  readonly getRecord: (type: string, ref: string) => Promise<XenRecord>;
  readonly getAllRecords: (type: string) => Promise<readonly XenRecord[]>;
  readonly setField: (type: string, ref: string, field: string, value: unknown) => Promise<void>;
  readonly setFieldEntry: (
    type: string,
    ref: string,
    field: string,
    key: string,
    value: string | null,
  ) => Promise<void>;
  /** Resolves when every change made before has come back through the event stream. */
  readonly barrier: (ref?: string) => Promise<unknown>;
  /** The result of the task; a body without a `length` is announced as a pebibyte and cut. */
  readonly putResource: (
    body: Readable,
    path: string,
    options: { readonly query: Readonly<Record<string, string>>; readonly task?: true },
  ) => Promise<unknown>;
  readonly getResource: (
    path: string,
    options: { readonly query: Readonly<Record<string, string>>; readonly task?: true },
  ) => Promise<{ readonly body: AsyncIterable<Uint8Array>; readonly task?: Promise<unknown> }>;
  readonly on: (event: string, listener: (...args: never[]) => void) => void;
};

export type XenTransport = 'json-rpc' | 'xml-rpc' | 'auto';

type XenApiModule = { readonly createClient: (options: object) => Xapi };

/** A connected client whose cache has been filled. */
export const openXenApi = async (
  endpoint: XenEndpoint,
  transport: XenTransport,
  options: { readonly watchEvents?: boolean | readonly string[]; readonly [option: string]: unknown } = {},
): Promise<Xapi> => {
  await checkFingerprint(endpoint);
  const path = join(dirname(requireClient('xen-api')), 'node_modules', 'xen-api', 'index.mjs');
  const module = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as XenApiModule;
  const xapi = module.createClient({
    url: endpoint.url,
    auth: { user: endpoint.user, password: endpoint.password },
    allowUnauthorized: true,
    transport,
    ...options,
  });
  await xapi.connect();
  if (options.watchEvents !== false) await xapi.objectsFetched;
  return xapi;
};

/** Waits until the client's cache says so; the events that change it come when they come. */
export const seenBy = async <T>(
  what: string,
  look: () => T | undefined | false | null,
  limitMs = 20_000,
): Promise<T> => {
  const untilMs = Date.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false && found !== null) return found;
    if (Date.now() > untilMs) throw new Error(`not seen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

export const vmNamed = (xapi: Xapi, name: string): XenRecord | undefined =>
  Object.values(xapi.objects.all).find((record) => record.$type === 'VM' && record['name_label'] === name);

/** What the API answered through Python: its value, or code and parameters of the refusal, or XML-RPC's own fault. */
export type PythonAnswer = {
  readonly value?: unknown;
  readonly failure?: readonly string[];
  readonly fault?: readonly [number, string];
};

export type PythonXenApi = {
  /** Throws with the API's code and parameters when it refuses. */
  readonly call: (method: string, ...args: readonly unknown[]) => Promise<unknown>;
  readonly ask: (method: string, ...args: readonly unknown[]) => Promise<PythonAnswer>;
  readonly login: (password?: string) => Promise<PythonAnswer>;
  readonly logout: () => Promise<PythonAnswer>;
  /** The ref of its session. */
  readonly session: () => string;
  readonly close: () => Promise<void>;
};

const PROGRAM = fileURLToPath(new URL('xen-python.py', import.meta.url));

/** Not logged in yet. Times come as {time: text}; {float: n} is sent as a double, {nothing: true} as None. */
export const openXenPython = async (endpoint: XenEndpoint): Promise<PythonXenApi> => {
  await checkFingerprint(endpoint);
  const { act, close } = openPythonActs('xenapi-py', [PROGRAM, endpoint.url, endpoint.user, endpoint.password]);
  let session = '';
  const ask = async (method: string, ...args: readonly unknown[]): Promise<PythonAnswer> =>
    (await act('call', { method, arguments: args })) as PythonAnswer;
  return {
    ask,
    call: async (method, ...args) => {
      const answer = await ask(method, ...args);
      if (answer.failure !== undefined || answer.fault !== undefined)
        throw new Error(`${method}: ${JSON.stringify(answer.failure ?? answer.fault)}`);
      return answer.value;
    },
    login: async (password) => {
      const answer = (await act('login', password === undefined ? {} : { password })) as PythonAnswer;
      session = (answer.value as { session?: string } | undefined)?.session ?? '';
      return answer;
    },
    logout: async () => (await act('logout')) as PythonAnswer,
    session: () => session,
    close,
  };
};

export type FenceAction = 'list' | 'status' | 'on' | 'off' | 'reboot' | 'monitor';

/** Exit code 0 is on or done, 2 is off, 1 is an error. */
export const fenceXenapi = async (endpoint: XenEndpoint, action: FenceAction, plug?: string): Promise<Output> => {
  await checkFingerprint(endpoint);
  return runProgram(requireClient('fence-xenapi'), [
    `--session-url=${endpoint.url}`,
    `--username=${endpoint.user}`,
    `--password=${endpoint.password}`,
    `--action=${action}`,
    ...(plug === undefined ? [] : [`--plug=${plug}`]),
  ]);
};

const checked = new Set<string>();

/** The clients are told to trust any certificate; so it is looked at here that it is the one that was told. */
const checkFingerprint = async ({ url, fingerprint }: XenEndpoint): Promise<void> => {
  const { protocol, hostname, port, host } = new URL(url);
  if (protocol !== 'https:' || checked.has(`${host} ${fingerprint}`)) return;
  const seen = await new Promise<string>((resolve, reject) => {
    const name = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host: name, port: Number(port || 443), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
  if (seen !== fingerprint) throw new Error(`${url} has the certificate ${seen}, not ${fingerprint}`);
  checked.add(`${host} ${fingerprint}`);
};
