/** Links where there are several servers: which one an agent finds, and how servers link with each other. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LinkDown, openLink } from '../../runtime/link.ts';
import type { LinkAddress } from '../../runtime/link-address.ts';
import { dialLink, dialRelay } from '../../runtime/link-dial.ts';
import { memoryPair } from '../../runtime/link-memory.ts';
import { type Admission, type LinkServer, type RelayFrom, serveLink } from '../../runtime/link-ws.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';
import { makeLinkAgentLeaf, makeLinkServerLeaf } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';
import { ca, closers, side } from './link-side.ts';

interface Remote {
  whoAmI(): Promise<string>;
}
const now = Date.now();
const serverPair = makeLinkServerLeaf(ca, ['127.0.0.1'], now);
const agentPair = makeLinkAgentLeaf(ca, 'kvm-1', now);
const options = { log: silentLog, unlimited: [] as string[], callMs: 2000 };
const token = new Secret('a token of at least sixteen characters');

const serve = async (
  name: string,
  address: LinkAddress,
  admission: Admission,
  { relays = true, log = silentLog } = {},
): Promise<LinkServer> => {
  const answer = (from: string) => ({ whoAmI: async () => `${name}: ${from}` });
  const server = await serveLink(
    address,
    admission,
    log,
    (channel, agent) => void openLink(answer(agent ?? 'an agent'), channel, options),
    relays
      ? (channel, { cell, agent }) => void openLink(answer(`${cell} for ${agent ?? 'an agent'}`), channel, options)
      : undefined,
  );
  closers.push(() => server.close());
  return server;
};
const ask = async (address: LinkAddress, admission: Admission, from: RelayFrom): Promise<string> => {
  const channel = await dialRelay(address, admission, from);
  const link = openLink<Remote>({}, channel, options);
  closers.push(() => link.close('the test is over'));
  return link.remote.whoAmI();
};
const TLS: LinkAddress = { kind: 'tls', host: '127.0.0.1', port: 0 };

describe('an agent with several addresses', () => {
  const sockets = (...names: string[]): LinkAddress[] => {
    const folder = temporaryFolder();
    return names.map((name) => ({ kind: 'unix', path: join(folder, name) }));
  };
  const dial = (addresses: readonly LinkAddress[]) => {
    const found: string[] = [];
    let close = (): void => {};
    const dialling = dialLink(addresses, token, silentLog, (channel) => {
      const link = openLink<Remote>({}, channel, options);
      close = () => link.close('the test ends it');
      link.remote.whoAmI().then(
        (who) => found.push(who),
        () => {},
      );
    });
    closers.push(() => dialling.close());
    const next = async (count: number): Promise<string | undefined> => {
      await expect.poll(() => found.length, { timeout: 10_000 }).toBe(count);
      return found.at(-1);
    };
    return { next, close: () => close() };
  };

  test('goes to the first that answers, and to the next when that one ends', async () => {
    const [a, b] = sockets('a', 'b') as [LinkAddress, LinkAddress];
    const second = await serve('b', b, token);
    const { next } = dial([a, b]);
    expect(await next(1)).toBe('b: an agent');
    const first = await serve('a', a, token);
    await second.close();
    expect(await next(2)).toBe('a: an agent');
    await serve('b', b, token);
    await first.close();
    expect(await next(3)).toBe('b: an agent');
  });

  test('comes back to the one that was good when only the link ended', async () => {
    const [a, b] = sockets('a', 'b') as [LinkAddress, LinkAddress];
    await serve('b', b, token);
    const { next, close } = dial([a, b]);
    expect(await next(1)).toBe('b: an agent');
    await serve('a', a, token);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    close();
    expect(await next(2)).toBe('b: an agent');
  });

  test('that rests lets nobody new in, and keeps who is there', async () => {
    const [a, b] = sockets('a', 'b') as [LinkAddress, LinkAddress];
    const first = await serve('a', a, token);
    const held = await ask(a, token, { cell: 'x', agent: undefined });
    expect(held).toBe('a: x for an agent');
    const { next } = dial([a, b]);
    expect(await next(1)).toBe('a: an agent');
    first.rest();
    await serve('b', b, token);
    const other = dial([a, b]);
    expect(await other.next(1)).toBe('b: an agent');
  });
});

describe('a server that speaks for an agent at another', () => {
  test('is known by its certificate, and says whose agent it is', async () => {
    const there = side(serverPair);
    const server = await serve('a', TLS, there.trust);
    const here = side(makeLinkServerLeaf(ca, ['127.0.0.1'], now));
    expect(await ask(server.address, here.trust, { cell: 'x', agent: 'kvm-1' })).toBe('a: x for kvm-1');
  });

  test('is no agent, and an agent is no server', async () => {
    const there = side(serverPair);
    const server = await serve('a', TLS, there.trust);
    const agent = side(agentPair);
    await expect(ask(server.address, agent.trust, { cell: 'x', agent: 'kvm-2' })).rejects.toThrow('refused: 401');
    const dialling = dialLink(server.address, side(serverPair).trust, agent.log, () => {});
    closers.push(() => dialling.close());
    await expect.poll(agent.text, { timeout: 5000 }).toContain('refused: 401');
  });

  test('is refused where a server is alone, and with another token', async () => {
    const there = side(serverPair);
    const server = await serve('a', TLS, there.trust, { relays: false });
    const here = side(makeLinkServerLeaf(ca, ['127.0.0.1'], now));
    await expect(ask(server.address, here.trust, { cell: 'x', agent: undefined })).rejects.toThrow(
      'refused: 403 not the certificate of an agent',
    );
    const alone = await serve('b', { kind: 'tcp', host: '127.0.0.1', port: 0 }, token, { relays: false });
    await expect(ask(alone.address, token, { cell: 'x', agent: undefined })).rejects.toThrow('refused: 401');
    const wrong = new Secret('another token of sixteen characters');
    const open = await serve('c', { kind: 'tcp', host: '127.0.0.1', port: 0 }, token);
    await expect(ask(open.address, wrong, { cell: 'x', agent: undefined })).rejects.toThrow('refused: 401');
  });
});

test('what a server lacks for its answer is told as if it were away', async () => {
  const pair = memoryPair();
  openLink(
    {
      whoAmI: async () => {
        throw new LinkDown('the store is away');
      },
    },
    pair.right,
    options,
  );
  const { remote } = openLink<Remote>({}, pair.left, options);
  await expect(remote.whoAmI()).rejects.toBeInstanceOf(LinkDown);
  await expect(remote.whoAmI()).rejects.toThrow('the store is away');
});
