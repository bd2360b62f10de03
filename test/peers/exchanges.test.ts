/** The exchange log end to end: govc works on a real libvirt host, and what it did is told by the API, at a terminal and in a real browser. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { axeFaults, type Console, openBrowser, openConsole } from './browser.ts';
import { type Govc, govcOn, LIBVIRT_CLIENTS, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const VM = 'test';

interface Line {
  readonly exchange: string;
  readonly method: string;
  readonly route: string;
  readonly name: string;
  readonly object: string;
  readonly user: string;
  readonly outcome: string;
  readonly atMs: number;
  readonly job: string;
}
interface Whole extends Line {
  readonly hops: readonly { readonly shape: string; readonly by: string; readonly detail: Record<string, unknown> }[];
  readonly spans: readonly { readonly name: string; readonly startMs: number; readonly durationMs: number }[];
  readonly fields: readonly {
    readonly field: string;
    readonly sheet: string;
    readonly line: number;
    readonly from?: { readonly sheet: string };
  }[];
}

describeWith([...LIBVIRT_CLIENTS, 'govc', 'chromium'], 'the exchange log', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let govc: Govc;
  let browser: Browser;
  let root: Console;
  let tokenFile: string;

  const api = async <T>(path: string): Promise<T> => {
    const { url, token } = product.admin;
    const answer = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as T;
  };
  const list = async (query: string): Promise<readonly Line[]> =>
    (await api<{ items: Line[] }>(`/exchanges?${query}`)).items;
  /** Agents tell ten times a second. */
  const told = (query: string): Promise<readonly Line[]> =>
    vi.waitFor(
      async () => {
        const found = await list(query);
        expect(found).not.toEqual([]);
        return found;
      },
      { timeout: 10_000 },
    );
  const one = (line: Line | undefined): Promise<Whole> => api(`/exchanges/${line?.exchange}`);
  const command = (...args: string[]) =>
    runProgram(PROGRAM, [...args, '--admin', product.admin.url, '--token-file', tokenFile]);

  beforeAll(async () => {
    host = await startLibvirtd();
    product = await startTransvisor({ host: host.testUri() });
    tokenFile = join(host.root, 'token');
    writeFileSync(tokenFile, product.admin.token, { mode: 0o600 });
    govc = govcOn(product);
    await govc('vm.power', '-off', VM);
    await govc('vm.power', '-on', VM);
    expect((await govc.result(['vm.power', '-on', VM])).code).not.toBe(0);
    await govc('vm.change', '-vm', VM, '-annotation', 'seen by the log');
    await govc('object.collect', '-s', `vm/${VM}`, 'config.annotation');
    browser = await openBrowser();
    root = await openConsole(browser, { url: product.admin.url, user: product.user, password: product.password });
  });
  afterAll(async () => {
    await browser?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('a command that went directly: ids in three languages, the host’s own call, where the time went', async () => {
    const [off] = await told('method=PowerOffVM_Task&outcome=value');
    expect(off).toMatchObject({ route: 'direct', name: VM, user: product.user });
    const { hops, spans, job } = await one(off);
    const detail = (shape: string) => hops.find((hop) => hop.shape === shape)?.detail;
    expect(String(detail('request')?.['body'])).toContain('<PowerOffVM_Task');
    expect(detail('command')).toMatchObject({ verb: 'vm.stop', ids: { hub: off?.object }, job });
    expect(detail('native')).toMatchObject({ procedure: expect.stringMatching(/^DOMAIN_/) });
    expect(String(detail('answer')?.['body'])).toContain('<returnval type="Task">');
    const names = spans.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['in all', 'decode', 'queue wait', 'native call', 'barrier', 'encode']),
    );
    expect(spans.every(({ startMs, durationMs }) => startMs >= 0 && durationMs >= 0)).toBe(true);
  });

  test('a command that was planned: the plan, each call to the host and the end of its job', async () => {
    const [change] = await told('method=ReconfigVM_Task');
    const { hops, spans } = await one(change);
    const shapes = new Set(hops.map(({ shape }) => shape));
    for (const shape of [
      'request',
      'call',
      'route',
      'command',
      'plan',
      'native',
      'barrier',
      'outcome',
      'link',
      'answer',
    ])
      expect([shape, shapes.has(shape)]).toEqual([shape, true]);
    const span = (name: string) => spans.find((found) => found.name === name);
    expect(span('server')?.startMs).toBeGreaterThanOrEqual(span('link')?.startMs ?? Number.NaN);
  });

  test('a command that was refused has the kind of its fault', async () => {
    const [refused] = await told(`method=PowerOnVM_Task&outcome=fault&object=${VM}`);
    expect(refused?.outcome).toBe('wrong-state');
    expect(await list('method=PowerOnVM_Task&outcome=running')).toEqual([]);
    expect(await list('method=PowerOnVM_Task&sinceMs=9999999999999')).toEqual([]);
  });

  test('a field that was read leads to the line that wrote it, and to the one that read it', async () => {
    const reads = await told('method=CreateFilter');
    const fields = (await Promise.all(reads.map(one))).flatMap((whole) => whole.fields);
    expect(fields.find(({ field }) => field === 'annotation')).toMatchObject({
      sheet: 'mappings/vim25/from-generic/vm.xsl',
      line: expect.any(Number),
      from: { sheet: 'mappings/libvirt/to-generic/vm.xsl' },
    });
    // Words of the call itself name no field.
    expect(fields.map(({ field }) => field)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(?:type|version|path)$/)]),
    );
  });

  test('pages by cursor neither repeat nor skip while exchanges come', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 40; pages += 1) {
      const query: string = `limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = await api<{ items: Line[]; next: string | null }>(`/exchanges?${query}`);
      seen.push(...page.items.map(({ exchange }) => exchange));
      cursor = page.next;
      if (pages === 1) await govc('about');
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(20);
  });

  test('at a terminal: trace follows, explain tells, exit codes are as --help says', async () => {
    const following = command('trace', '--vm', VM, '--method', 'Power', '--count', '2', '--json');
    // It follows from when it is connected.
    let isOver = false;
    void following.finally(() => {
      isOver = true;
    });
    for (let on = false; !isOver; on = !on) await govc('vm.power', on ? '-on' : '-off', VM);
    const { code, stdout } = await following;
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines).toHaveLength(2);
    expect(
      lines.every(({ name, method, outcome }) => name === VM && method.startsWith('Power') && outcome !== 'running'),
    ).toBe(true);
    const told = await command('explain', lines[0]?.exchange ?? '');
    expect([told.code, told.stdout]).toEqual([0, expect.stringContaining('where the time went')]);
    expect((await command('explain', 'none')).code).toBe(69);
  });

  test('in the console: filtered by the address, paused, opened by keyboard, without a fault of accessibility', async () => {
    const { page, go, complaints } = root;
    await go(`exchanges?method=Power&object=${VM}`);
    const grid = page.getByRole('grid', { name: 'Exchanges' });
    await grid.getByText('PowerOffVM_Task').first().waitFor();
    expect(await grid.getByText('RetrievePropertiesEx').count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = await grid.getAttribute('aria-rowcount');
    await govc.result(['vm.power', '-on', VM]);
    await page.waitForTimeout(1500);
    expect(await grid.getAttribute('aria-rowcount')).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => grid.getAttribute('aria-rowcount'), { timeout: 10_000 }).not.toBe(before);
    await grid.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /Power/ }).waitFor();
    await page.getByRole('heading', { name: 'Where the time went' }).waitFor();
    const tops = new Set<number>();
    for (const form of ['Request', 'Command', 'Native', 'Answer']) {
      const region = page.getByRole('region', { name: form, exact: true }).first();
      await region.waitFor();
      tops.add((await region.boundingBox())?.y ?? -1);
    }
    // Side by side, not one below the other.
    expect(tops.size).toBe(1);
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('link', { name: 'its request in the playground' }).click();
    await expect.poll(() => page.getByLabel(/^The request/).inputValue()).toContain('POST /sdk HTTP/1.1');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('heading', { level: 2, name: /^Power/ }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: VM, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: VM }).waitFor();
    expect(complaints).toEqual([]);
  });
});
