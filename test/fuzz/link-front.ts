/** A running server and its honest agent in, with peers that keep no rules beside them; what became of both and of honest clients out. */
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { WebSocketServer } from 'ws';
import { linkUrl, parseLinkAddress } from '../../runtime/link-address.ts';
import { govcOn } from '../peers/clients.ts';
import { rawSoap } from '../peers/raw-soap.ts';
import type { Transvisor } from '../peers/transvisor.ts';
import { createDice } from './dice.ts';
import { type Message, nextMessage, pack } from './link-messages.ts';
import { drained, openPeer, rawCalls } from './link-peer.ts';

export interface LinkReport {
  readonly seed: number;
  readonly messages: number;
  readonly seconds: number;
  readonly kinds: ReadonlyMap<string, number>;
  readonly links: number;
  /** Reads and commands of honest clients meanwhile. */
  readonly honest: number;
  readonly slowestMs: number;
  readonly failures: readonly string[];
  readonly memory: readonly number[];
}

const PEERS = 3;
const SPRAY = 400;
const SAMPLE_MS = 200;
/** An honest client's read, five times what a busy machine needs. */
const LATE_MS = 10_000;
/** Of the agent's turn, for each message: an agent that was hung up on takes its time before it comes again. */
const MESSAGE_MS = 200;

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
const count = (counts: Map<string, number>, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

/** Our own mistakes, by what a program writes of them when it ends or when nobody took an error. */
const mistakesIn = (log: string): string[] =>
  log
    .split('\n')
    .filter((line) => /"level":"fatal"|^(\w*Error|Uncaught|Unhandled|\s+at )|heap out of memory/.test(line));

export interface LinkFuzz {
  readonly product: Transvisor;
  readonly messages: number;
  readonly seed: number;
  readonly onProgress?: (done: number) => void;
}

/** An honest client's day beside it: reads all the time, and a machine that comes and goes. */
const watchHonest = (product: Transvisor) => {
  const soap = rawSoap(product);
  const failures: string[] = [];
  let over = false;
  let reads = 0;
  let slowestMs = 0;
  const run = async (): Promise<void> => {
    await soap.logIn();
    while (!over) {
      const at = performance.now();
      const name = (await soap.read('HostSystem', 'ha-host', 'runtime.connectionState')).get('runtime.connectionState');
      const ms = performance.now() - at;
      slowestMs = Math.max(slowestMs, ms);
      if (name !== 'connected') failures.push(`an honest read says ${name}`);
      if (ms > LATE_MS) failures.push(`an honest read took ${ms.toFixed(0)} ms`);
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const running = run().catch((error: unknown) => void failures.push(`an honest client failed: ${String(error)}`));
  return {
    end: async () => {
      over = true;
      await running;
      soap.close();
      return { failures, reads, slowestMs };
    },
  };
};

export const fuzzServer = async ({ product, messages, seed, onProgress }: LinkFuzz): Promise<LinkReport> => {
  const address = parseLinkAddress(product.link());
  if (address?.kind !== 'unix') throw new Error('the link of the fuzzed server is a socket');
  const token = readFileSync(join(dirname(address.path), 'link-token'), 'utf8').trim();
  const url = linkUrl(address, '/link');
  const kinds = new Map<string, number>();
  const memory: number[] = [];
  const failures: string[] = [];
  const [server = 0] = product.pids().filter((pid) => pid !== product.pid());
  const sampler = setInterval(() => {
    if (product.alive()) memory.push(residentBytes(server));
  }, SAMPLE_MS);
  const honest = watchHonest(product);
  const begun = performance.now();
  let [sent, links] = [0, 0];
  const attack = async (at: number): Promise<void> => {
    const dice = createDice(seed * 1009 + at);
    while (sent < messages && product.alive()) {
      const peer = await openPeer(url, token, dice, (kind) => count(kinds, kind)).catch(() => undefined);
      links++;
      if (peer === undefined) continue;
      sent += await peer.spray(Math.min(SPRAY, messages - sent));
      onProgress?.(sent);
      // What is under way comes to its end on some, and is cut off on others.
      if (dice.chance(0.5)) await new Promise((resolve) => setTimeout(resolve, 20));
      peer.close();
    }
  };
  await Promise.all(Array.from({ length: PEERS }, (_, at) => attack(at)));
  const seconds = (performance.now() - begun) / 1000;
  const { failures: complaints, reads, slowestMs } = await honest.end();
  clearInterval(sampler);
  failures.push(...complaints);
  if (!product.alive()) failures.push('a program ended');
  else {
    // Nothing that was said spoilt what the server keeps: it comes up again with it, and works.
    await product.stop('server');
    await product.restart('server');
    const govc = govcOn(product);
    const made = async (): Promise<boolean> =>
      (await govc.result(['vm.create', '-m', '32', '-on=false', '-net=', `after-${seed}`])).code === 0;
    let tries = 0;
    while (!(await made()) && tries < 40) tries = await new Promise((go) => setTimeout(go, 500, tries + 1));
    const { code, stderr } = await govc.result(['vm.destroy', `after-${seed}`]);
    if (code !== 0) failures.push(`after a restart: ${stderr}`);
  }
  failures.push(...mistakesIn(product.wholeLog()));
  return { seed, messages: sent, seconds, kinds, links, honest: reads, slowestMs, failures, memory };
};

/** The agent's turn: a server that means harm in the place of its own. */
export const fuzzAgent = async ({ product, messages, seed }: LinkFuzz): Promise<LinkReport> => {
  const address = parseLinkAddress(product.link());
  if (address?.kind !== 'unix') throw new Error('the link of the fuzzed agent is a socket');
  await product.kill9('server');
  rmSync(address.path, { force: true });
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  await new Promise<void>((resolve) => http.listen(address.path, resolve));
  const dice = createDice(seed);
  const kinds = new Map<string, number>();
  const memory: number[] = [];
  const failures: string[] = [];
  const sampler = setInterval(() => {
    if (product.pids().includes(product.pid())) memory.push(residentBytes(product.pid()));
  }, SAMPLE_MS);
  const begun = performance.now();
  let [sent, links, asked, slowestMs] = [0, 0, 0, 0];
  sockets.on('connection', (socket) => {
    links++;
    socket.on('error', () => {});
    socket.setMaxListeners(0);
    const instance = { platform: 'vim25', host: 'host-1', hostName: 'local', uuid: 'u', certificate: '', port: 1 };
    const answers: Readonly<Record<string, unknown>> = {
      hello: {
        version: 2,
        hosts: { local: { id: 'host-1', epoch: 1 } },
        fronts: { 'vim25@local': { ...instance, name: 'vim25@local', options: {} } },
        sessionKey: new Uint8Array(32),
        jobIds: { from: 1, to: 2000 },
        exchanges: 'x',
      },
    };
    rawCalls(socket, ({ i, m }: Message) => {
      // The greeting is right as a rule: else nothing else is ever heard.
      const odd = m === 'hello' ? dice.chance(0.1) : dice.chance(0.5);
      socket.send(pack({ t: 's', i, r: odd ? dice.pick([null, {}, 1, { ok: true }, [[]]]) : answers[m ?? ''] }));
    });
    const known = {
      ...{ host: 'host-1', epoch: 1, session: 's', exchange: () => 'x-1', job: () => `job-${1 + dice.below(50)}` },
    };
    const spray = async (): Promise<void> => {
      while (socket.readyState === socket.OPEN && sent < messages) {
        const message = nextMessage('agent', known, dice);
        count(kinds, message.kind);
        socket.send(message.bytes);
        sent++;
        await drained(socket);
        if (dice.chance(0.1)) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    setTimeout(() => void spray(), 20);
  });
  // The agent answers by itself what it can answer by itself.
  const soap = rawSoap(product);
  const until = performance.now() + 30_000 + messages * MESSAGE_MS;
  while (sent < messages && product.pids().includes(product.pid()) && performance.now() < until) {
    const at = performance.now();
    const { status } = await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance');
    slowestMs = Math.max(slowestMs, performance.now() - at);
    if (status !== 200 && status !== 500) failures.push(`the agent answers ${status}`);
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(sampler);
  soap.close();
  if (!product.pids().includes(product.pid())) failures.push('the agent ended');
  if (slowestMs > LATE_MS) failures.push(`the agent took ${slowestMs.toFixed(0)} ms`);
  if (sent < messages) failures.push(`only ${sent} of ${messages} messages could be sent`);
  for (const client of sockets.clients) client.terminate();
  await new Promise<void>((resolve) => http.close(() => resolve()));
  failures.push(...mistakesIn(product.wholeLog()));
  return { seed, messages: sent, seconds, kinds, links, honest: asked, slowestMs, failures, memory };
};

const MIB = 1024 * 1024;

export const linkLinesOf = (what: string, report: LinkReport): readonly string[] => [
  `${what}: ${report.messages} messages on ${report.links} links in ${report.seconds.toFixed(1)} s, seed ${report.seed}`,
  `  ${[...report.kinds].map(([kind, times]) => `${times} ${kind}`).join(', ')}`,
  `  honest clients beside it: ${report.honest} answers, the slowest in ${report.slowestMs.toFixed(0)} ms`,
  `  memory: ${Math.round((report.memory[0] ?? 0) / MIB)} MiB at first, ${Math.round(Math.max(0, ...report.memory) / MIB)} at most, ${Math.round((report.memory.at(-1) ?? 0) / MIB)} at the end`,
];
