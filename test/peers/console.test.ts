/**
 * The console in a real browser, while govc and xen-api work on a real libvirt host: each page shows what happened, a viewer changes nothing,
 * all is reached by keyboard, and axe-core finds no serious fault in either theme. With UPDATE_PICTURES=1 the pictures of the README are made.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { axeFaults, type Console, openBrowser, openConsole, takePicture } from './browser.ts';
import { type Govc, LIBVIRT_CLIENTS } from './clients.ts';
import { type ConsoleEstate, HUNDRED_HOSTS, openConsoleEstate, VIEWER, VM } from './console-estate.ts';
import { describeWith } from './describe-with.ts';
import type { Libvirtd } from './libvirtd.ts';
import type { Transvisor } from './transvisor.ts';
import { vmNamed, type Xapi } from './xen-clients.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PICTURES = fileURLToPath(new URL('../../pictures/', import.meta.url));

describeWith([...LIBVIRT_CLIENTS, 'govc', 'xen-api', 'chromium'], 'the console', () => {
  let estate: ConsoleEstate;
  let host: Libvirtd;
  let product: Transvisor;
  let govc: Govc;
  let xen: Xapi;
  let browser: Browser;
  let root: Console;
  let viewer: Console;
  let vmId: string;

  const api = async <T>(path: string): Promise<T> => {
    const { url, token } = product.admin;
    const answer = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as T;
  };

  beforeAll(async () => {
    estate = await openConsoleEstate();
    ({ host, product, govc, xen } = estate);
    browser = await openBrowser();
    const at = product.admin.url;
    root = await openConsole(browser, { url: at, user: product.user, password: product.password });
    viewer = await openConsole(browser, { url: at, ...VIEWER });
    vmId = (await api<{ items: { id: string }[] }>(`/objects?kind=vm&q=${VM}`)).items[0]?.id ?? '';
  });
  afterAll(async () => {
    await browser?.close();
    await estate?.close();
  });

  const sees = async (page: Page, ...texts: readonly (string | RegExp)[]): Promise<void> => {
    for (const text of texts) await page.locator('main').getByText(text).first().waitFor({ timeout: 15_000 });
  };

  test('Overview: the map has clients, fronts, host and machines, and tells the same as a table', async () => {
    const { page, go } = root;
    await govc('ls', 'vm');
    await go('overview');
    const map = page.getByRole('group', { name: /Map of clients/ });
    for (const name of [
      /^govc /,
      /^xen-api|^root /,
      /^vim25 \d+ calls/,
      /^xenapi /,
      /^local libvirt, connected/,
      /^3 machines/,
    ])
      await map.getByRole('link', { name }).first().waitFor();
    await page.getByRole('tab', { name: 'Table' }).click();
    await page
      .getByRole('row', { name: /vim25@local/ })
      .first()
      .waitFor();
    expect(await page.getByRole('table').count()).toBe(3);
    await page.getByRole('tab', { name: 'Map' }).click();
    await map.getByRole('link', { name: /^local / }).click();
    await page.getByRole('heading', { level: 1, name: /local/ }).waitFor();
    expect(new URL(page.url()).hash).toMatch(/^#\/hosts\/host-\d+/);
  });

  test('Overview: a host that goes away is told without anybody asking, and again when it is back', async () => {
    await root.go('overview');
    await sees(root.page, 'all is well');
    await host.kill9();
    await sees(root.page, 'local does not answer');
    await host.restart();
    await sees(root.page, 'all is well');
  });

  test('Overview: of a hundred hosts those that are unwell or called stand by themselves', async () => {
    const { page, go } = root;
    await page.route('**/api/v1/overview', (route) => route.fulfill({ json: HUNDRED_HOSTS }));
    await go('overview');
    await page.reload();
    const map = page.getByRole('group', { name: /Map of clients/ });
    for (const name of [
      /^h7 libvirt, away/,
      /^h42 libvirt, connected/,
      /^98 more hosts all connected/,
      /^9,800 machines/,
    ])
      await map.getByRole('link', { name }).waitFor();
    expect(await map.getByRole('link').count()).toBe(9);
    await page.unroute('**/api/v1/overview');
  });

  test('Objects: found by a part of the name, and by what either client writes for it', async () => {
    const { page, go } = root;
    await go('objects?kind=vm');
    await sees(page, VM, 'web-2', 'mail-1', '3 objects');
    await page.getByLabel('Name or id').fill('mail');
    await sees(page, '1 object');
    const record = vmNamed(xen, VM);
    await page.getByLabel('Name or id').fill(record?.$ref ?? 'no record');
    await sees(page, 'A client writes');
    await page.locator('.found').getByRole('link', { name: VM }).click();
    await page.getByRole('heading', { level: 1, name: VM }).waitFor();
    const moid = (await govc('ls', '-i', 'vm')).match(/VirtualMachine:(\d+)/)?.[0] ?? '';
    await go(`objects?q=${encodeURIComponent(moid)}`);
    await sees(page, 'A client writes');
  });

  test('Objects: one machine as each vendor sees it, with what is lost, its names and what happened to it', async () => {
    const { page, go } = root;
    await go(`objects/${vmId}`);
    await sees(page, 'VirtualMachine.config.hardware.memoryMB', 'VM.memory_target', 'domain.memory');
    const memory = page.getByRole('row', { name: /^memoryBytes/ });
    expect(await memory.textContent()).toMatch(/67108864[\s\S]*→ 65536[\s\S]*→ 64[\s\S]*=/);
    await page.getByLabel('Show').selectOption('lost in some front');
    expect(await page.locator('.compare .lost').count()).toBeGreaterThan(3);
    const record = vmNamed(xen, VM);
    await sees(page, record?.$ref ?? 'no record', String(record?.['uuid']));
    await page.getByRole('tab', { name: /Native/ }).click();
    await sees(page, /<domain type='qemu'/);
    await page.getByRole('tab', { name: 'xenapi@local' }).click();
    await sees(page, /<name>name_label<\/name>/);
    await page.getByRole('tab', { name: 'History' }).click();
    await sees(page, 'vm.start', 'PowerOnVM_Task');
  });

  test('Objects: a rename by govc is seen where it stands, at once', async () => {
    const { page, go } = root;
    await go('objects?kind=vm');
    await sees(page, 'web-2');
    await govc('object.rename', 'vm/web-2', 'web-9');
    await sees(page, 'web-9');
    await govc('object.rename', 'vm/web-9', 'web-2');
    await sees(page, 'web-2');
  });

  test('Hosts: the host with its fronts, and where they lead', async () => {
    const { page, go } = root;
    await go('hosts');
    await sees(page, 'local', 'libvirt', 'connected');
    await page.getByRole('gridcell').getByRole('link', { name: 'local', exact: true }).click();
    await page.getByRole('row', { name: /xenapi@local/ }).waitFor();
  });

  test('Jobs, Sessions and Audit: what the clients did, and who they are', async () => {
    const { page, go } = root;
    await go('jobs');
    await sees(page, 'vm.start', 'PowerOnVM_Task', VM);
    await page.getByRole('gridcell').getByRole('link', { name: /^job-/ }).first().click();
    await sees(page, 'Journal');
    await go('sessions');
    await sees(page, 'xenapi@local', 'end');
    await go('audit');
    await sees(page, 'vm.start', 'success');
    await page.getByRole('gridcell').getByRole('link', { name: VM, exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: VM }).waitFor();
  });

  test('Metrics: plots that tell their figures in words as well, and times by method', async () => {
    const { page, go } = root;
    await go('metrics');
    await page.getByRole('img', { name: /^Exchanges a second\. calls: now / }).waitFor();
    await page.getByRole('img', { name: /^Memory\. of the program: now [\d.]+ MiB/ }).waitFor();
    await page
      .getByRole('row', { name: /RetrievePropertiesEx/ })
      .first()
      .waitFor();
  });

  test('while the server is away what was seen stays, and it is said that it is away', async () => {
    const one = await openConsole(browser, { url: product.admin.url, user: product.user, password: product.password });
    await one.go('jobs');
    await sees(one.page, 'vm.start');
    await one.page.context().setOffline(true);
    await govc('vm.power', '-off', VM);
    await sees(one.page, 'the server does not answer', 'vm.start');
    await one.page.context().setOffline(false);
    await govc('vm.power', '-on', VM);
    await one.page.getByText('the server does not answer').waitFor({ state: 'detached' });
    await sees(one.page, 'vm.stop');
    await one.close();
  });

  test('a stream of changes that is refused is asked for again, and who is not logged in any more is told so', async () => {
    const one = await openConsole(browser, { url: product.admin.url, user: product.user, password: product.password });
    const { page } = one;
    await page.route('**/api/v1/events', (route) => route.fulfill({ status: 429, body: '' }));
    await page.reload();
    await page.getByText('not connected').waitFor();
    await page.unroute('**/api/v1/events');
    await page.getByText('live', { exact: true }).waitFor({ timeout: 15_000 });
    await page.route('**/api/v1/events', (route) => route.fulfill({ status: 401, body: '' }));
    await page.route('**/api/v1/me', (route) => route.fulfill({ status: 401, body: '{}' }));
    await page.goto(`${product.admin.url}/#/audit`);
    await page.reload();
    await page.getByRole('button', { name: 'Log in' }).waitFor({ timeout: 15_000 });
    await one.close();
  });

  test('a viewer is shown no button that changes anything, and the API refuses what one would try', async () => {
    const { page, go } = viewer;
    await go('sessions');
    await sees(page, 'xenapi@local');
    expect(await page.locator('main').getByRole('button').count()).toBe(0);
    await go('jobs');
    await sees(page, 'vm.start');
    await page.getByRole('gridcell').getByRole('link', { name: /^job-/ }).first().click();
    await sees(page, 'Journal');
    expect(await page.locator('main').getByRole('button').count()).toBe(0);
    const sessions = await api<{ items: { id: string }[] }>('/sessions');
    const paths = (await api<{ paths: Record<string, Record<string, unknown>> }>('/openapi.json')).paths;
    const job = (await api<{ items: { id: string }[] }>('/jobs')).items[0]?.id ?? '';
    const changes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== 'get' && !['/login', '/logout', '/playground'].includes(path))
        .map((method) => ({
          method: method.toUpperCase(),
          path: path.replace('{id}', path.startsWith('/jobs') ? job : (sessions.items[0]?.id ?? '')),
        })),
    );
    expect(changes.length).toBeGreaterThan(3);
    const answers = await page.evaluate(async (all) => {
      const me = (await (await fetch('/api/v1/me')).json()) as { csrf: string };
      const found: (readonly [string, number])[] = [];
      for (const { method, path } of all) {
        const headers = { 'x-csrf-token': me.csrf };
        const json = { headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
        const init = { method, ...(method === 'DELETE' ? { headers } : json) };
        found.push([`${method} ${path}`, (await fetch(`/api/v1${path}`, init)).status]);
      }
      return found;
    }, changes);
    expect(answers.filter(([, status]) => status !== 403)).toEqual([]);
  });

  test('all is reached by keyboard alone', async () => {
    const { page } = root;
    await root.go('overview');
    await page.reload();
    await sees(page, 'Who calls whom');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement?.textContent')).toBe('Skip to the content');
    const tabTo = async (name: string): Promise<void> => {
      for (let n = 0; n < 60; n += 1) {
        const at = await page.evaluate(
          "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''",
        );
        if (at === name) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`nothing with the name ${name} has the focus after 60 tabs`);
    };
    await tabTo('Objects');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Objects' }).waitFor();
    await sees(page, VM);
    // The table: one stop, then by arrows.
    await page.getByRole('grid', { name: 'Objects' }).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 2, name: 'Documents' }).waitFor();
    await tabTo('Side by side');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { name: 'Generic' }).getAttribute('aria-selected')).toBe('true');
    await page.getByRole('region', { name: 'Generic document' }).waitFor();
  });

  /** As the console itself names them. */
  const pages = (): Promise<readonly string[]> =>
    root.page
      .getByRole('navigation', { name: 'Pages' })
      .getByRole('link')
      .evaluateAll((links) => links.map((link) => (link.getAttribute('href') ?? '').replace('#/', '')));
  const allPages = async (): Promise<readonly string[]> => {
    const job = (await api<{ items: { id: string }[] }>(`/jobs?target=${vmId}`)).items[0]?.id;
    const exchange = (await api<{ items: { exchange: string }[] }>('/exchanges?outcome=fault')).items[0]?.exchange;
    const hostId = (await api<{ items: { id: string }[] }>('/hosts')).items[0]?.id;
    return [
      ...(await pages()),
      'overview?tab=table',
      `objects/${vmId}`,
      `objects/${vmId}?tab=history`,
      `jobs/${job}`,
      `hosts/${hostId}`,
      `exchanges/${exchange}`,
    ];
  };
  /** Everything that was asked for is there. */
  const settled = async (page: Page): Promise<void> => {
    await page.waitForLoadState('load');
    await expect.poll(() => page.locator('main .loading').count()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 400));
  };

  test('axe-core finds no serious fault on any page, light and dark', async () => {
    const { user, password, admin } = product;
    const one = await openConsole(browser, { url: admin.url, user, password });
    const both = async (path: string): Promise<void> => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await one.page.emulateMedia({ colorScheme });
        expect([path, colorScheme, await axeFaults(one.page)]).toEqual([path, colorScheme, []]);
      }
    };
    for (const path of await allPages()) {
      await one.go(path);
      await settled(one.page);
      await both(path);
    }
    await one.page.getByRole('button', { name: 'Log out' }).click();
    await one.page.getByRole('button', { name: 'Log in' }).waitFor();
    await both('log-in');
    await one.close();
  });

  test('at a usual window every table shows all of its columns, and more than a few of its rows', async () => {
    const { page, go } = root;
    for (const path of [...(await allPages()), 'mappings/vim25']) {
      await go(path);
      await settled(page);
      const grids = await page.locator('main .rows').evaluateAll((all) =>
        all.map((grid) => ({
          isCut: grid.scrollWidth > grid.clientWidth,
          heads: [...grid.querySelectorAll('[role=columnheader]')]
            .filter((head) => head.scrollWidth > head.clientWidth)
            .map((head) => head.textContent),
          isLow: grid.clientHeight < 400,
        })),
      );
      for (const grid of grids) expect([path, grid]).toEqual([path, { isCut: false, heads: [], isLow: false }]);
    }
  });

  test('nothing stands beside the window when it is narrow', async () => {
    const { user, password, admin } = product;
    const one = await openConsole(browser, { url: admin.url, user, password, width: 420 });
    for (const path of await allPages()) {
      await one.go(path);
      await settled(one.page);
      const width = await one.page.evaluate<number>('document.documentElement.scrollWidth');
      expect([path, width <= 420]).toEqual([path, true]);
    }
    await one.close();
  });

  test('the browser complained of nothing', () => {
    expect(root.complaints).toEqual([]);
    expect(viewer.complaints.filter((text) => !text.includes('403'))).toEqual([]);
  });

  const picturing = process.env['UPDATE_PICTURES'] === '1';
  // One that is left out is no test that was skipped.
  if (picturing)
    test('pictures of each page', async () => {
      const { user, password, admin } = product;
      mkdirSync(PICTURES, { recursive: true });
      const picture = async (one: Console, path: string, name: string, height?: number): Promise<void> => {
        await one.go(path);
        await settled(one.page);
        await takePicture(one.page, join(PICTURES, `${name}.png`), height);
      };
      await govc('ls', 'vm');
      const light = await openConsole(browser, { url: admin.url, user, password });
      for (const name of await pages()) await picture(light, name, name);
      await picture(light, `objects/${vmId}`, 'object');
      const [change] = (await api<{ items: { exchange: string }[] }>('/exchanges?method=ReconfigVM_Task')).items;
      await picture(light, `exchanges/${change?.exchange}`, 'exchange', 1000);
      await light.close();
      const dark = await openConsole(browser, { url: admin.url, user, password, colorScheme: 'dark' });
      await picture(dark, 'overview', 'overview-dark');
      await dark.close();
    });
});
