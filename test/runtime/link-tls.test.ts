/** The link over TLS: who is let in, who is not and what both logs say of it, renewal under an open link, revocation of a present one. */
import { X509Certificate } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { type Channel, LinkDown, openLink } from '../../runtime/link.ts';
import { dialLink } from '../../runtime/link-dial.ts';
import { createLinkTrust, type LinkTrust } from '../../runtime/link-trust.ts';
import { type LinkServer, serveLink } from '../../runtime/link-ws.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import {
  type KeyPair,
  makeCa,
  makeLeaf,
  makeLinkAgentLeaf,
  makeLinkServerLeaf,
  saveKeyPair,
} from '../../runtime/tls.ts';
import { ca, closers, type Side, side } from './link-side.ts';

interface Remote {
  whoAmI(): Promise<string>;
}

const DAY_MS = 86_400_000;
const now = Date.now();
const serverPair = makeLinkServerLeaf(ca, ['127.0.0.1', 'localhost'], now);
const agentPair = makeLinkAgentLeaf(ca, 'kvm-1', now);
const options = { log: silentLog, unlimited: [] as string[], callMs: 2000 };

const serve = async (trust: LinkTrust, log: Log): Promise<LinkServer> => {
  const server = await serveLink({ kind: 'tls', host: '127.0.0.1', port: 0 }, trust, log, (channel, agent) => {
    openLink({ whoAmI: async () => agent ?? 'nobody' }, channel, options);
  });
  closers.push(() => server.close());
  return server;
};

const dial = (server: LinkServer, agent: Side) => {
  const links: ReturnType<typeof openLink<Remote>>[] = [];
  const dialling = dialLink(server.address, agent.trust, agent.log, (channel) =>
    links.push(openLink<Remote>({}, channel, options)),
  );
  closers.push(() => dialling.close());
  return { links, first: () => expect.poll(() => links.length, { timeout: 5000 }).toBeGreaterThan(0) };
};

const portOf = (server: LinkServer): number => (server.address.kind === 'unix' ? 0 : server.address.port);

/** Neither side gets a link, and both logs say why. */
const refusal = async (
  agent: { pair?: KeyPair; authority?: string },
  server: { pair?: KeyPair } = {},
): Promise<{ agent: string; server: string }> => {
  const there = side(server.pair ?? serverPair);
  const here = side(agent.pair ?? agentPair, agent.authority);
  const { links } = dial(await serve(there.trust, there.log), here);
  await expect.poll(here.text, { timeout: 5000 }).toContain('server away');
  expect(links).toEqual([]);
  return { agent: here.text(), server: there.text() };
};

describe('the link over TLS', () => {
  test('an agent is known by its certificate', async () => {
    const there = side(serverPair);
    const { links, first } = dial(await serve(there.trust, there.log), side(agentPair));
    await first();
    expect(await links[0]?.remote.whoAmI()).toBe('kvm-1');
  });

  test('an agent of another authority is refused, and is told', async () => {
    const foreign = makeLinkAgentLeaf(makeCa(now), 'kvm-1', now);
    const { agent, server } = await refusal({ pair: foreign });
    expect(agent).toMatch(/server away: refused: 403 not a certificate of this deployment/);
    expect(server).toMatch(/refused: not a certificate of this deployment/);
  });
  test('an expired certificate is refused, on either side', async () => {
    const { agent, server } = await refusal({ pair: makeLinkAgentLeaf(ca, 'kvm-1', now - 10 * DAY_MS, 5) });
    expect(agent).toContain('403 the certificate has expired');
    expect(server).toContain('refused: the certificate has expired');
    const old = makeLinkServerLeaf(ca, ['127.0.0.1'], now - 10 * DAY_MS, 5);
    expect((await refusal({}, { pair: old })).agent).toMatch(/expired/);
  });
  test('a certificate of a front opens no link, on either side', async () => {
    const front = makeLeaf(ca, ['127.0.0.1'], now);
    expect((await refusal({ pair: front })).server).toMatch(/refused: not (the|a) certificate/);
    expect((await refusal({ pair: serverPair })).server).toMatch(/refused: not (the|a) certificate/);
    expect((await refusal({}, { pair: front })).agent).toContain('not the certificate of a server of the link');
    expect((await refusal({}, { pair: agentPair })).agent).toMatch(/server away: .*(purpose|not the certificate)/);
  });
  test('a server of another name or authority is not spoken to', async () => {
    const elsewhere = makeLinkServerLeaf(ca, ['other.example'], now);
    expect((await refusal({}, { pair: elsewhere })).agent).toMatch(/server away: .*127\.0\.0\.1/);
    expect((await refusal({ authority: makeCa(now).certificate })).agent).toMatch(/verify|signature|issuer|self/i);
  });
  test('without a certificate, with TLS 1.2 or without TLS nothing is served', async () => {
    const there = side(serverPair);
    const port = portOf(await serve(there.trust, there.log));
    const answer = (write: (got: (text: string) => void) => void) => new Promise<string>(write);
    const bare = await answer((got) => {
      let text = '';
      const socket = connectTls({ host: '127.0.0.1', port, ca: ca.certificate, servername: '' });
      socket.on('data', (data) => {
        text += data.toString('latin1');
      });
      socket.on('error', () => {});
      socket.once('close', () => got(text));
    });
    expect(bare).toMatch(/^HTTP\/1\.1 403 no certificate was shown/);
    const older = await answer((got) => {
      const { certificate: cert, key } = agentPair;
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        ca: ca.certificate,
        servername: '',
        cert,
        key,
        maxVersion: 'TLSv1.2',
      });
      socket.once('secureConnect', () => got('connected'));
      socket.once('error', (error) => got(error.message));
    });
    expect(older).toMatch(/version|alert/i);
    const plain = await answer((got) => {
      let text = '';
      const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET /link HTTP/1.1\r\n\r\n'));
      socket.on('data', (data) => {
        text += data.toString('latin1');
      });
      socket.on('error', () => {});
      socket.once('close', () => got(text));
    });
    expect(plain).not.toContain('HTTP');
  });
});

describe('a peer without a fresh handshake', () => {
  test('no session is resumed: certificates are looked at every time', async () => {
    const there = side(serverPair);
    const port = portOf(await serve(there.trust, there.log));
    const { certificate: cert, key } = agentPair;
    const visit = (session?: Buffer) =>
      new Promise<{ reused: boolean; session: Buffer | undefined }>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca: ca.certificate, servername: '', cert, key, session });
        let given: Buffer | undefined;
        socket.on('session', (one) => {
          given = one;
        });
        socket.once('secureConnect', () => socket.write('GET /other HTTP/1.1\r\nHost: x\r\n\r\n'));
        socket.once('data', () => {
          resolve({ reused: socket.isSessionReused(), session: given ?? socket.getSession() });
          socket.destroy();
        });
        socket.once('error', reject);
      });
    const first = await visit();
    expect(first.reused).toBe(false);
    expect((await visit(first.session)).reused).toBe(false);
  });

  test('a certificate whose time is over is none, whatever TLS said of it', () => {
    const { files } = side(agentPair);
    const later = createLinkTrust(files, silentLog, () => now + 1000 * DAY_MS);
    closers.push(() => later.close());
    const { serialNumber, subjectAltName, validTo } = new X509Certificate(agentPair.certificate);
    const peer = { serialNumber, subjectaltname: subjectAltName ?? '', valid_to: validTo };
    expect(later.agentOf(peer)).toEqual({ refused: 'the certificate has expired' });
    const { trust } = side(agentPair);
    expect(trust.agentOf(peer)).toEqual({ name: 'kvm-1' });
    expect(trust.agentOf({ ...peer, valid_to: 'soon' })).toEqual({ refused: 'the certificate has expired' });
    for (const odd of ['', 'DNS:urn:transvisor:agent:x', 'URI:urn:transvisor:agent:a, URI:urn:transvisor:agent:b'])
      expect(trust.agentOf({ ...peer, subjectaltname: odd })).toEqual({ refused: 'not the certificate of an agent' });
  });
});

describe('certificates that change under a link', () => {
  test('renewed ones count from the next connection on; the present link stays', async () => {
    const there = side(serverPair);
    const here = side(agentPair);
    const server = await serve(there.trust, there.log);
    const { links, first } = dial(server, here);
    await first();
    const nextCa = makeCa(now, 'Transvisor CA 2');
    saveKeyPair(there.prefix, makeLinkServerLeaf(nextCa, ['127.0.0.1'], now));
    writeFileSync(there.files.ca, ca.certificate + nextCa.certificate);
    // Who knows only the old authority is not deceived by an old context.
    const old = side(agentPair);
    dial(server, old);
    await expect.poll(old.text, { timeout: 5000 }).toMatch(/verify|issuer|signature|self/i);
    writeFileSync(here.files.ca, ca.certificate + nextCa.certificate);
    saveKeyPair(here.prefix, makeLinkAgentLeaf(nextCa, 'kvm-renamed', now));
    expect(await links[0]?.remote.whoAmI()).toBe('kvm-1');
    links[0]?.close('the test asks for another');
    await expect.poll(() => links.length, { timeout: 5000 }).toBe(2);
    expect(await links[1]?.remote.whoAmI()).toBe('kvm-renamed');
  });

  test('a half written renewal changes nothing until it is whole', () => {
    const { trust, files, text } = side(agentPair);
    const next = makeLinkAgentLeaf(ca, 'kvm-1', now);
    writeFileSync(files.certificate, next.certificate);
    expect(trust.material().cert).toBe(agentPair.certificate);
    expect(text()).toContain('is not the key of');
    writeFileSync(files.key, next.key);
    expect(trust.material()).toEqual({ ca: ca.certificate, cert: next.certificate, key: next.key });
  });

  test('one that ends soon is told, until it is renewed', () => {
    const { trust, prefix, text } = side(makeLinkAgentLeaf(ca, 'kvm-1', now, 10));
    expect(text()).toMatch(/link\.crt ends in 9 days: renew it/);
    trust.refresh();
    expect(text().match(/renew it/g)).toHaveLength(1);
    saveKeyPair(prefix, agentPair);
    trust.refresh();
    expect(text().match(/renew it/g)).toHaveLength(1);
    saveKeyPair(prefix, makeLinkAgentLeaf(ca, 'kvm-1', now, 5));
    trust.refresh();
    expect(text()).toContain('ends in 4 days');
  });

  test('what does not fit together at the start is refused at the start', () => {
    const { files } = side(agentPair);
    writeFileSync(files.key, serverPair.key);
    expect(() => createLinkTrust(files, silentLog)).toThrow(/is not the key of/);
    writeFileSync(files.ca, 'nothing');
    expect(() => createLinkTrust({ ...files, key: files.certificate }, silentLog)).toThrow(/holds no private key/);
    rmSync(files.certificate);
    expect(() => createLinkTrust(files, silentLog)).toThrow(/no such file/);
  });
});

describe('revoked certificates', () => {
  const serialOfPair = (pair: KeyPair): string => {
    const folder = side(pair);
    return folder.trust.material().cert === pair.certificate ? new X509Certificate(pair.certificate).serialNumber : '';
  };

  test('a present link of one ends, and it gets no other, while others stay', async () => {
    const there = side(serverPair);
    const server = await serve(there.trust, there.log);
    const bad = side(agentPair);
    const good = dial(server, side(makeLinkAgentLeaf(ca, 'kvm-2', now)));
    const { links, first } = dial(server, bad);
    await first();
    await good.first();
    writeFileSync(there.files.revoked, `# lost\n${serialOfPair(agentPair).toLowerCase()} # kvm-1\n`);
    there.trust.refresh();
    expect(await links[0]?.closed).toMatch(/the certificate is revoked/);
    await expect(links[0]?.remote.whoAmI()).rejects.toBeInstanceOf(LinkDown);
    await expect.poll(bad.text, { timeout: 5000 }).toContain('refused: 403 the certificate is revoked');
    expect(there.text()).toContain('refused: the certificate is revoked');
    expect(links).toHaveLength(1);
    expect(await good.links[0]?.remote.whoAmI()).toBe('kvm-2');
  });

  test('the list is looked at without being told', async () => {
    const there = side(serverPair);
    const { links, first } = dial(await serve(there.trust, there.log), side(agentPair));
    await first();
    writeFileSync(there.files.revoked, `${serialOfPair(agentPair)}\n`);
    expect(await links[0]?.closed).toMatch(/the certificate is revoked/);
  });

  test('an agent leaves a server whose certificate is revoked', async () => {
    const there = side(serverPair);
    const here = side(agentPair);
    const { links, first } = dial(await serve(there.trust, there.log), here);
    await first();
    writeFileSync(here.files.revoked, `${serialOfPair(serverPair)}\n`);
    here.trust.refresh();
    expect(await links[0]?.closed).toMatch(/the certificate is revoked/);
    await expect.poll(here.text, { timeout: 5000 }).toContain('the server at 127.0.0.1: the certificate is revoked');
  });

  test('a list that cannot be read takes no revocation back', () => {
    const { trust, files, text } = side(agentPair);
    writeFileSync(files.revoked, 'AB01\n');
    trust.refresh();
    writeFileSync(files.revoked, 'all of them\n00:cd:02\n');
    trust.refresh();
    expect(['ab01', 'CD02', 'EF03'].map(trust.isRevoked)).toEqual([true, true, false]);
    expect(text()).toMatch(/link-revoked:1: no serial number/);
    expect(() => createLinkTrust(files, silentLog)).toThrow(/link-revoked:1: no serial number/);
  });
});

describe('a receiver that is slow', () => {
  test('holds the sender, both ways, and everything arrives in the end', async () => {
    const there = side(serverPair);
    const here = side(agentPair);
    const piece = new Uint8Array(1024 * 1024).fill(7);
    const MIBS = 24;
    /** Sends all at once; how many of them were told to wait, and when there was room again. */
    const flood = (channel: Channel) => {
      const held = Array.from({ length: MIBS }, () => channel.send(piece)).filter((one) => one !== undefined);
      return { held: held.length, room: Promise.all(held) };
    };
    let received = 0;
    const count = (bytes: Uint8Array): void => {
      received += bytes.length;
    };
    const { promise: accepted, resolve: accept } = Promise.withResolvers<Channel>();
    const server = await serveLink({ kind: 'tls', host: '127.0.0.1', port: 0 }, there.trust, there.log, accept);
    closers.push(() => server.close());
    const dialled = await new Promise<Channel>((resolve) => {
      const dialling = dialLink(server.address, here.trust, here.log, resolve);
      closers.push(() => dialling.close());
    });
    const ends = [dialled, await accepted] as const;
    for (const end of ends) end.onMessage(count);
    for (const end of ends) {
      const { held, room } = flood(end);
      expect(held).toBeGreaterThan(MIBS / 2);
      await room;
    }
    await expect.poll(() => received, { timeout: 5000 }).toBe(2 * MIBS * piece.length);
  });
});

describe('coming back', () => {
  test('waits grow to a bound, each by the dice, and a link broken off at once is no reason for haste', async () => {
    const here = side(agentPair);
    const there = side(serverPair);
    const server = await serve(there.trust, there.log);
    const opened: number[] = [];
    const dialling = dialLink(
      server.address,
      here.trust,
      here.log,
      (channel) => {
        opened.push(performance.now());
        channel.close('again');
      },
      () => 1,
    );
    closers.push(() => dialling.close());
    await expect.poll(() => opened.length, { timeout: 5000 }).toBe(5);
    const waits = opened.slice(1).map((at, index) => at - (opened[index] ?? 0));
    for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(50 * 2 ** index - 5);
  });
});
