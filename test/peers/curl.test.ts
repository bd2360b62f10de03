/** curl, as scripts use it, over TLS: both versions of HTTP/1, chunks, 100-continue, HEAD; and a deep element cut anywhere by the network. */
import { randomInt } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { envelope } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const CONTENT = envelope(
  '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>',
);
const LIMIT_MS = 20_000;

describeWith(['curl'], 'HTTP as others write it', () => {
  let product: Transvisor;
  beforeAll(async () => {
    product = await startTransvisor({ host: 'sim:///default' });
  });
  afterAll(() => product?.[Symbol.asyncDispose]());

  /** Head and body, and how often curl connected for `urls`. */
  const curl = async (args: readonly string[], urls = [product.url], input = CONTENT) => {
    const run = await runProgram(
      requireClient('curl'),
      ['-sS', '-k', '-i', '-m', '20', '-w', '\\n%{http_version} %{num_connects}\\n', ...args, ...urls],
      { input, timeoutMs: LIMIT_MS },
    );
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    return run.stdout;
  };
  const post = ['--data-binary', '@-', '-H', 'Content-Type: text/xml'];

  test('HTTP/1.0: one answer of known length, then the end', async () => {
    const said = await curl(['--http1.0', ...post]);
    expect(said).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    expect(said).toMatch(/\ncontent-length: \d+\r\n/i);
    expect(said).not.toMatch(/transfer-encoding/i);
    expect(said).toMatch(/\nconnection: close\r\n/i);
    expect(said).toContain('<RetrieveServiceContentResponse');
    expect(said).toContain('</soapenv:Envelope>');
    // Two of them need two connections.
    expect((await curl(['--http1.0', ...post], [product.url, product.url])).match(/ 1\n/g)).toHaveLength(2);
  });
  test('HTTP/1.1: the connection is kept', async () => {
    const said = await curl(['--http1.1', ...post], [product.url, product.url]);
    expect(said.match(/^1\.1 [01]$/gm)).toEqual(['1.1 1', '1.1 0']);
    expect(said.match(/<RetrieveServiceContentResponse/g)).toHaveLength(2);
  });
  test('a chunked body, and one that waits for 100', async () => {
    for (const header of ['Transfer-Encoding: chunked', 'Expect: 100-continue'])
      expect(await curl(['--http1.1', ...post, '-H', header])).toContain('<RetrieveServiceContentResponse');
  });
  test('HEAD has no body; a client that offers HTTP/2 as well gets HTTP/1.1', async () => {
    const page = new URL('/', product.url).href;
    expect(await curl(['-I'], [page], '')).toMatch(/^HTTP\/1\.1 \d+[\s\S]*\r\n\r\n\n1\.1 1\n$/);
    expect(await curl(['--http2', ...post])).toMatch(/\n1\.1 1\n$/);
  });

  test('an element 1,500 deep is the API’s own fault, wherever the network cuts it', async () => {
    const { hostname, port } = new URL(product.url);
    const deep = '<propertyCollector>'.repeat(1500) + '</propertyCollector>'.repeat(1500);
    const body = Buffer.from(envelope(`<CurrentTime xmlns="urn:vim25">${deep}</CurrentTime>`));
    const head = `POST /sdk HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n`;
    const bytes = Buffer.concat([Buffer.from(head), body]);
    const ROUNDS = 40;
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
    let said = '';
    socket.setNoDelay(true).on('data', (piece) => {
      said += piece.toString('latin1');
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    for (let round = 0; round < ROUNDS; round++) {
      for (let at = 0; at < bytes.length; ) {
        const to = Math.min(bytes.length, at + randomInt(1, randomInt(2, bytes.length)));
        socket.write(bytes.subarray(at, to));
        at = to;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await expect.poll(() => said.match(/HTTP\/1\.1 \d+/g)?.length, { timeout: LIMIT_MS }).toBe(ROUNDS);
    await expect.poll(() => said.match(/<\/soapenv:Envelope>/g)?.length).toBe(ROUNDS);
    socket.destroy();
    expect(new Set(said.match(/HTTP\/1\.1 \d+/g))).toEqual(new Set(['HTTP/1.1 500']));
    expect(said.match(/xsi:type="InvalidRequest"/g)).toHaveLength(ROUNDS);
  });
});
