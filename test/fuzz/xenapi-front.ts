/** The XenAPI front under the fuzzer: XML-RPC and JSON-RPC calls made of the command table, bent. */
import { SaxesParser } from 'saxes';
import { hubId } from '../../mappings/generic/ids.ts';
import type { Decoded, FrontInstance } from '../../mappings/generic/platform.ts';
import { rowOf } from '../../mappings/xenapi/commands.ts';
import { front as platformFront } from '../../mappings/xenapi/http.ts';
import type { Endpoint } from '../peers/clients.ts';
import { rawXenApi } from '../peers/raw-xenapi.ts';
import type { Dice } from './dice.ts';
import type { Attempt, FuzzFront, FuzzWorker, Sent, Verdict } from './front.ts';
import { createPoster } from './poster.ts';
import { openXenEstate, type XenEstate } from './xenapi-estate.ts';
import { bend } from './xenapi-mutations.ts';
import { requestFor } from './xenapi-seeds.ts';

const NOWHERE: FrontInstance = {
  name: 'fuzzed',
  platform: 'xenapi',
  host: hubId('host', 1),
  hostName: '',
  uuid: '00000000-0000-0000-0000-000000000000',
  certificate: '',
  port: 0,
  options: {},
};

const decodedOf = (path: string, body: Buffer): Decoded =>
  platformFront.decode(
    { method: 'POST', path, query: new URLSearchParams(), headers: {}, body, secure: true },
    NOWHERE,
  );

const reachOf = (decoded: Decoded): string => {
  if (decoded.kind !== 'call')
    return decoded.kind === 'answer' && decoded.answer.status === 200 ? 'refused at decode' : 'refused as no call';
  const route = rowOf(decoded.call.method)?.route ?? 'refuse';
  return route === 'refuse' ? 'refused by row' : route;
};

interface Read {
  readonly fault?: string;
  readonly text?: string;
  readonly problem?: string;
}

const CODE = /^([A-Z][A-Z0-9_]+|Fault)$/;

const faultOf = (words: readonly unknown[]): Read => {
  if (words.some((word) => typeof word !== 'string')) return { problem: 'an error with something that is no text' };
  const [code = '', ...more] = words as string[];
  return CODE.test(code)
    ? { fault: code, text: more.join(' ') }
    : { problem: `no code of the API: ${code.slice(0, 60)}` };
};

const readXml = (body: string): Read => {
  let problem: string | undefined;
  const parser = new SaxesParser({ xmlns: false });
  parser.on('error', (error) => {
    problem ??= `not well-formed: ${error.message}`;
  });
  try {
    parser.write(body).close();
  } catch (error) {
    problem ??= String(error);
  }
  if (problem !== undefined) return { problem };
  const inner =
    /^<\?xml version="1\.0"\?><methodResponse><params><param><value>([\s\S]*)<\/value><\/param><\/params><\/methodResponse>$/.exec(
      body,
    )?.[1];
  if (inner === undefined) return { problem: 'no response of one value' };
  const status =
    /^<struct><member><name>Status<\/name><value>(\w+)<\/value><\/member><member><name>(Value|ErrorDescription)<\/name>/.exec(
      inner,
    );
  if (status === null) return inner.startsWith('<array>') ? {} : { problem: 'neither a status nor a bare list' };
  if (status[1] === 'Success') return status[2] === 'Value' ? {} : { problem: 'a success without a value' };
  if (status[1] !== 'Failure' || status[2] !== 'ErrorDescription')
    return { problem: 'a failure without its description' };
  const unescaped = (text: string): string =>
    text
      .replace(/&lt;/g, '<')
      .replace(/&gt;/g, '>')
      .replace(/&quot;/g, '"')
      .replace(/&amp;/g, '&');
  return faultOf(
    [...inner.slice(status[0].length).matchAll(/<value>([^<]*)<\/value>/g)].map(([, word = '']) => unescaped(word)),
  );
};

const readJson = (body: string): Read => {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(body) as Record<string, unknown>;
  } catch (error) {
    return { problem: `no JSON: ${String(error)}` };
  }
  if (!('id' in read)) return { problem: 'an answer without an id' };
  if (read['jsonrpc'] === '2.0') {
    const error = read['error'] as { code?: unknown; message?: unknown; data?: unknown } | undefined;
    if (error === undefined) return 'result' in read ? {} : { problem: 'neither a result nor an error' };
    if (error.code !== 1 || !Array.isArray(error.data)) return { problem: 'an error of another form' };
    return faultOf([error.message, ...error.data]);
  }
  if (read['error'] === null) return 'result' in read ? {} : { problem: 'no result' };
  return Array.isArray(read['error']) && read['result'] === null
    ? faultOf(read['error'])
    : { problem: 'an error of another form' };
};

/** Refused as no call: a page of HTTP. Else always 200, and the API's own form. */
const readAnswer = ({ reach, path }: Attempt, status: number, body: string): Read => {
  if (reach === 'refused as no call')
    return (status === 500 || status === 413) && body.startsWith('<html>')
      ? {}
      : { problem: `status ${status} for no call` };
  if (status !== 200) return { problem: `status ${status}` };
  return path === '/jsonrpc' ? readJson(body) : readXml(body);
};

const INTERNAL = /server failed on this request|general system error occurred: internal error/;

const createWorker = (endpoint: Endpoint, estate: XenEstate, dice: Dice): FuzzWorker => {
  const { post, close } = createPoster(endpoint.url);
  let session = '';
  const intact = new WeakSet<Attempt>();

  const send = (path: string, body: Buffer, limitMs: number): Promise<Sent> =>
    post(path, { 'Content-Type': 'text/xml' }, body, limitMs);

  return {
    next: () => {
      const { body, kind, path } = bend(requestFor(session, estate, dice), dice, estate);
      const decoded = decodedOf(path, body);
      const attempt: Attempt = {
        body,
        path,
        mutation: `${kind}, ${path === '/jsonrpc' ? 'JSON-RPC' : 'XML-RPC'}`,
        reach: reachOf(decoded),
        label: decoded.kind === 'call' ? decoded.call.method : 'undecoded',
        waits: decoded.kind === 'call' && decoded.call.method === 'event.from',
        ending: path === '/jsonrpc' ? 'json' : 'xml',
      };
      if (decoded.kind === 'call' && decoded.token !== undefined && session.endsWith(decoded.token))
        intact.add(attempt);
      return attempt;
    },
    send: ({ body, path }, limitMs) => send(path, body, limitMs),
    judge: (attempt, status, body): Verdict => {
      const { fault, text, problem } = readAnswer(attempt, status, body);
      return {
        fault,
        problem,
        internal: fault === 'INTERNAL_ERROR' && INTERNAL.test(text ?? '') ? (text ?? '') : undefined,
        sessionLost: fault === 'SESSION_INVALID' && intact.has(attempt),
      };
    },
    logIn: async () => {
      const body = {
        jsonrpc: '2.0',
        method: 'session.login_with_password',
        params: [endpoint.user, endpoint.password],
        id: 1,
      };
      const sent = await send('/jsonrpc', Buffer.from(JSON.stringify(body)), 30_000);
      const result = sent.kind === 'answer' ? (JSON.parse(sent.body) as { result?: string }).result : undefined;
      if (result === undefined) throw new Error(`no log-in: ${JSON.stringify(sent).slice(0, 500)}`);
      session = result;
    },
    close,
  };
};

export const xenapiFront: FuzzFront = async (product) => {
  const endpoint = product.front('xenapi');
  const keeper = rawXenApi(endpoint);
  await keeper.logIn();
  const estate = await openXenEstate(keeper);
  return {
    driverShare: 0.05,
    warmShare: 0.6,
    worker: (dice) => createWorker(endpoint, estate, dice),
    tend: async () => {
      await keeper.logIn();
      await estate.tend();
    },
    size: estate.size,
    close: keeper.close,
  };
};
