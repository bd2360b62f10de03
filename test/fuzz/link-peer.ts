/** One end of a link that keeps no rules: bytes of any kind out, the other side's calls and answers in. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { LIMITS } from '../../runtime/limits.ts';
import type { Dice } from './dice.ts';
import { FRONT, greeting, type Known, type Message, nextAnswer, nextMessage, pack, unpack } from './link-messages.ts';

export interface Peer {
  /** Sends a number of messages, or fewer when the other side hangs up. */
  spray(most: number): Promise<number>;
  readonly open: boolean;
  close(): void;
}

/** What a call of the other side would be told by one that keeps the rules. */
const RIGHT: Readonly<Record<string, unknown>> = {
  read: { ok: true, value: [] },
  ask: { ok: true, value: {} },
  step: { ok: true, value: {} },
  probe: { ok: true, value: 'done' },
  acquire: { ok: true, value: undefined },
};

/** Calls and their answers by hand: what `openLink` would never do. */
export const rawCalls = (socket: WebSocket, answer: (message: Message) => void) => {
  const asked = new Map<string, (result: unknown) => void>();
  let serial = 0;
  socket.on('message', (data: Buffer) => {
    const message = unpack(data) as Message;
    if (message.t === 'q') return answer(message);
    asked.get(message.i)?.(message.r);
    asked.delete(message.i);
  });
  return (name: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const i = `own-${++serial}`;
      asked.set(i, resolve);
      socket.once('close', () => reject(new Error('the other side hung up')));
      socket.send(pack({ t: 'q', i, m: name, a: args }));
    });
};

/** Waits until the kernel has taken what was sent: the sender's memory is not what is looked at. */
export const drained = async (socket: WebSocket): Promise<void> => {
  while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > LIMITS.linkHighWaterBytes)
    await new Promise((resolve) => setTimeout(resolve, 2));
};

type Count = (kind: string) => void;

/** An agent that means harm, admitted to the server. Some greet first, some never. */
export const openPeer = async (url: string, token: string, dice: Dice, count: Count): Promise<Peer> => {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
  socket.on('error', () => {});
  socket.setMaxListeners(0);
  await once(socket, 'open');
  const ask = rawCalls(socket, ({ i, m }) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(nextAnswer(i, RIGHT[m ?? ''], dice));
  });
  let known: Known = { host: 'host-1', epoch: 1, session: 's', exchange: () => 'x-1', job: () => 'job-1' };
  try {
    if (dice.chance(0.9)) {
      type Hello = { hosts: { fuzzed: { id: string; epoch: number } }; jobIds: { from: number }; exchanges: string };
      const hello = (await ask('hello', greeting())) as Hello;
      const login = { front: FRONT, user: 'u', fullName: '', role: 'administrator', address: '::1', userAgent: '' };
      const session = (await ask('login', { ...login, locale: '' })) as { id: string };
      let serial = 0;
      known = {
        host: hello.hosts.fuzzed.id,
        epoch: hello.hosts.fuzzed.epoch,
        session: session.id,
        exchange: () => `${hello.exchanges}-${(++serial).toString(36)}`,
        job: () => `job-${hello.jobIds.from + dice.below(40)}`,
      };
      await ask('list', known.host, known.epoch, [], true);
    }
  } catch {
    count('hung up on while greeting');
  }
  return {
    get open() {
      return socket.readyState === WebSocket.OPEN;
    },
    spray: async (most) => {
      let sent = 0;
      for (; sent < most && socket.readyState === WebSocket.OPEN; sent++) {
        const whole = !dice.chance(0.004);
        if (!whole && dice.chance(0.5)) {
          count('half a message');
          socket.send(Buffer.alloc(1000), { fin: false });
        } else if (!whole) {
          count('text');
          socket.send('{}');
        } else {
          const message = nextMessage('server', known, dice);
          count(message.kind);
          socket.send(message.bytes);
        }
        await drained(socket);
        // Some come all at once, some one by one.
        if (dice.chance(0.1)) await new Promise((resolve) => setImmediate(resolve));
      }
      return sent;
    },
    close: () => socket.terminate(),
  };
};
