/** What an admitted peer of the link cannot do: have an exchange carried out twice, take a server or an agent down, or keep other clients waiting. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { linkUrl, parseLinkAddress } from '../../runtime/link-address.ts';
import { fuzzAgent, fuzzServer, linkLinesOf } from '../fuzz/link-front.ts';
import { FRONT, greeting, pack, unpack } from '../fuzz/link-messages.ts';
import { govcOn, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const LIMIT_MS = 120_000;
// Fixed: what fails here fails again.
const SEED = 42;

type Answer = { readonly i: string; readonly r?: unknown; readonly e?: string };
type Hello = { readonly exchanges: string; readonly hosts: { readonly fuzzed: { id: string; epoch: number } } };

/** A link by hand: bytes as they were recorded may be sent again. */
const openLinkTo = async (product: Transvisor, tls?: { cert: Buffer; key: Buffer }) => {
  const address = parseLinkAddress(product.link());
  if (address === undefined) throw new Error('no link');
  const headers: Record<string, string> =
    address.kind === 'unix'
      ? { authorization: `Bearer ${readFileSync(join(dirname(address.path), 'link-token'), 'utf8').trim()}` }
      : {};
  const socket = new WebSocket(linkUrl(address, '/link'), { headers, rejectUnauthorized: false, ...tls });
  const closed = once(socket, 'close');
  closed.catch(() => {});
  await once(socket, 'open');
  const answers = new Map<string, (answer: Answer) => void>();
  socket.on('message', (data: Buffer) => {
    const answer = unpack(data) as Answer & { t: string };
    if (answer.t === 's') answers.get(answer.i)?.(answer);
  });
  const send = (id: string, bytes: Buffer): Promise<Answer> =>
    new Promise((resolve) => {
      answers.set(id, resolve);
      socket.send(bytes);
    });
  const ask = (id: string, name: string, ...args: unknown[]): Promise<Answer> =>
    send(id, pack({ t: 'q', i: id, m: name, a: args }));
  return { ask, send, closed, socket };
};

describeWith(['govc'], 'a peer that was admitted to the link', () => {
  test('a recorded exchange is refused on its link, on another one, and after the server was restarted', {
    timeout: LIMIT_MS,
  }, async () => {
    await using product = await startTransvisor({ host: 'sim:///default', twoProcesses: true });
    const first = await openLinkTo(product);
    const { exchanges, hosts } = (await first.ask('h', 'hello', greeting())).r as Hello;
    const login = { front: FRONT, user: 'u', fullName: '', role: 'administrator', address: '', userAgent: '' };
    const { id: session } = (await first.ask('l', 'login', { ...login, locale: '' })).r as { id: string };
    await first.ask('c', 'list', hosts.fuzzed.id, hosts.fuzzed.epoch, [], true);
    const call = {
      ...{ method: 'CreateFolder', target: { type: 'Folder', id: 'ha-folder-vm' }, args: { name: 'made once' } },
      ...{ version: '8.0.2.0', operation: '' },
    };
    const recorded = pack({
      ...{ t: 'q', i: 'x', m: 'call' },
      a: [{ exchange: `${exchanges}-1`, front: FRONT, session, address: '', call }],
    });
    const refused = /none of this link, or was asked before/;
    // Carried out, whatever became of it.
    expect((await first.send('x', recorded)).e).toBeUndefined();
    expect((await first.send('x', recorded)).e).toMatch(refused);
    const second = await openLinkTo(product);
    await second.ask('h', 'hello', greeting());
    expect((await second.send('x', recorded)).e).toMatch(refused);
    await product.kill9('server');
    await product.restart('server');
    const third = await openLinkTo(product);
    await third.ask('h', 'hello', greeting());
    expect((await third.send('x', recorded)).e).toMatch(refused);
    third.socket.terminate();
  });

  test('what no agent says ends its link, keeps it away for a while, and is in the log; other agents notice nothing', {
    timeout: LIMIT_MS,
  }, async () => {
    const state = mkdtempSync(join(tmpdir(), 'tvs-'));
    const program = fileURLToPath(new URL('../../transvisor', import.meta.url));
    const ca = async (...args: string[]): Promise<void> => {
      const { code, stderr } = await runProgram(program, ['ca', ...args, '--state', join(state, 'server')]);
      if (code !== 0) throw new Error(stderr);
    };
    try {
      mkdirSync(join(state, 'agent', 'tls'), { recursive: true });
      await ca('issue', '--server', '127.0.0.1');
      await ca('issue', '--agent', 'kvm-1', '--out', join(state, 'agent', 'tls', 'link'));
      await ca('issue', '--agent', 'fuzzed', '--out', join(state, 'fuzzed'));
      const own = { cert: readFileSync(join(state, 'fuzzed.crt')), key: readFileSync(join(state, 'fuzzed.key')) };
      await using product = await startTransvisor({
        ...{ host: 'sim:///default', twoProcesses: true, link: 'tls:127.0.0.1:0', state },
      });
      const peer = await openLinkTo(product, own);
      expect((await peer.ask('h', 'hello', { ...greeting(), agent: 'kvm-1' })).e).toContain('cannot speak as kvm-1');
      expect((await peer.ask('h', 'hello', greeting())).e).toBeUndefined();
      peer.socket.send(pack({ t: 'q', i: 't', m: 'touch', a: [{ s: 'yesterday' }] }));
      await peer.closed;
      const again = await openLinkTo(product, own);
      await again.closed;
      expect(product.wholeLog()).toContain('for agent fuzzed says what none of ours says: touch');
      expect(await govcOn(product)('ls', '/')).toContain('ha-datacenter');
      expect(product.wholeLog().split('link: up').length - 1).toBe(1);
    } finally {
      rmSync(state, { recursive: true, force: true });
    }
  });

  test('5,000 mutated messages: the server stands, honest clients are served meanwhile, its state is good afterwards', {
    timeout: LIMIT_MS,
  }, async () => {
    await using product = await startTransvisor({ host: 'sim:///default', twoProcesses: true });
    const report = await fuzzServer({ product, messages: 5000, seed: SEED });
    console.log(linkLinesOf('server', report).join('\n'));
    expect(report.failures).toEqual([]);
    expect([report.messages >= 5000, report.honest > 10]).toEqual([true, true]);
  });

  test('a server that means harm does not take its agent down', { timeout: LIMIT_MS }, async () => {
    await using product = await startTransvisor({ host: 'sim:///default', twoProcesses: true });
    const report = await fuzzAgent({ product, messages: 300, seed: SEED });
    console.log(linkLinesOf('agent', report).join('\n'));
    expect(report.failures).toEqual([]);
  });
});
