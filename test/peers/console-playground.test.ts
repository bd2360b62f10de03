/**
 * Mappings, the playground and rollback in a real browser: what an edited sheet would do is shown, one that breaks its golden pairs is refused,
 * one that does not is in use at once and withdrawn again; a VM that govc made is taken back on a real libvirt host.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { hashPassword } from '../../runtime/accounts.ts';
import { axeFaults, type Console, openBrowser, openConsole } from './browser.ts';
import { type Govc, govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const VIEWER = { user: 'vera', password: 'only-looks-at-it' } as const;
const SHEET = 'libvirt.to-generic.vm';
const COPY = `Copy of ${SHEET}`;
/** Of a golden pair. */
const PAIR = 'libvirt/domain-template.generic.xml';
const PLAYGROUND = `mappings/playground?sheet=${SHEET}&golden=${encodeURIComponent(PAIR)}`;

describeWith([...LIBVIRT_CLIENTS, 'govc', 'chromium'], 'mappings, playground and rollback at the console', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let govc: Govc;
  let browser: Browser;
  let root: Console;

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    const hash = await hashPassword(VIEWER.password);
    product = await startTransvisor({
      host: host.uri,
      config: `[[account]]\nname = "${VIEWER.user}"\nrole = "read-only"\nhash = "${hash}"\n`,
    });
    govc = govcOn(product, { GOVC_DATASTORE: 'default' });
    browser = await openBrowser();
    root = await openConsole(browser, { url: product.admin.url, user: product.user, password: product.password });
  });
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
    await host?.stop();
  });

  const sees = async (page: Page, ...texts: readonly (string | RegExp)[]): Promise<void> => {
    for (const text of texts) await page.locator('main').getByText(text).first().waitFor({ timeout: 20_000 });
  };
  const editor = (page: Page) => page.getByLabel(COPY);
  const loaded = async (page: Page): Promise<string> => {
    await expect.poll(() => editor(page).inputValue(), { timeout: 20_000 }).toContain('xsl:stylesheet');
    return editor(page).inputValue();
  };
  const run = (page: Page): Promise<void> => page.getByRole('button', { name: 'Run' }).click();

  test('Mappings: tables, coverage, and a sheet with its lines and golden pairs', async () => {
    const { page, go } = root;
    await go('mappings');
    await page.getByRole('link', { name: 'vim25' }).click();
    await page.getByLabel('Search').fill('PowerOnVM_Task');
    await page.getByRole('row', { name: /VirtualMachine PowerOnVM_Task direct operate vm\.start/ }).waitFor();
    await page.getByRole('tab', { name: 'Coverage' }).click();
    await sees(page, 'By command', 'PowerOffVM_Task');
    await page.getByRole('tab', { name: 'Sheets' }).click();
    await page.getByRole('link', { name: 'mappings/vim25/from-generic/vm.xsl' }).click();
    await sees(page, 'comes out');
    await go(`mappings/sheet/${encodeURIComponent('mappings/vim25/from-generic/vm.xsl')}?line=12`);
    await page.locator('.source .marked').waitFor();
    expect(await page.locator('.source li').nth(11).getAttribute('aria-current')).toBe('location');
  });

  test('the playground shows a changed sheet’s effect and refuses one that breaks its golden pairs', async () => {
    const { page, go } = root;
    await go(PLAYGROUND);
    const text = await loaded(page);
    await run(page);
    await sees(page, 'golden-image', 'As the client is shown it');
    await editor(page).fill(text.replace('<name><xsl:value-of', '<name>edited-<xsl:value-of'));
    await run(page);
    await sees(
      page,
      /\+ +<name>edited-golden-image<\/name>/,
      /- +<name>golden-image<\/name>/,
      /do not come out: it would be refused/,
    );
    await page.getByRole('button', { name: /^Accept/ }).click();
    await sees(page, /^Refused: /);
    await go(`mappings/sheet/${SHEET}`);
    await sees(page, /all come out/);
    expect(await page.getByText('Changed here by').count()).toBe(0);
  });

  test('a sheet whose golden pairs come out is in use at once, marked as changed here, and withdrawn', async () => {
    const { page, go } = root;
    await govc('vm.create', '-on=false', '-m', '64', '-disk', '64M', 'seen');
    const named = async (): Promise<string> => govc('ls', 'vm');
    expect(await named()).toContain('/vm/seen');
    await go(PLAYGROUND);
    const text = await loaded(page);
    // No golden pair has a VM of this name.
    const better = text.replace(
      '<name><xsl:value-of select="@displayName"/></name>',
      '<name><xsl:value-of select="@displayName"/><xsl:if test="@displayName = \'seen\'">-and-edited</xsl:if></name>',
    );
    expect(better).not.toBe(text);
    await editor(page).fill(better);
    await run(page);
    await sees(page, /^All \d+ come out\.$/);
    await page.getByRole('button', { name: /^Accept/ }).click();
    await sees(page, /In use now: \d+ golden pairs came out/);
    const vm = await govc('vm.info', '-json', '/ha-datacenter/vm/seen').catch((error: unknown) => String(error));
    expect(vm).toContain('seen-and-edited');
    await go(`mappings/sheet/${SHEET}`);
    await sees(page, /Changed here by root/);
    await page.getByRole('button', { name: /^Withdraw/ }).click();
    await page.getByText('Changed here by').waitFor({ state: 'detached', timeout: 20_000 });
    await go('audit');
    await sees(page, 'PUT /sheets/:id', 'DELETE /sheets/:id');
  });

  test('a request that was pasted is read, and nothing comes of it', async () => {
    const { page, go } = root;
    await go('mappings/playground?kind=request&platform=vim25');
    const body =
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><Rename_Task xmlns="urn:vim25"><_this type="VirtualMachine">ID</_this><newName>other</newName></Rename_Task></soapenv:Body></soapenv:Envelope>';
    const id = /VirtualMachine:(\S+)/.exec(await govc('ls', '-i', 'vm'))?.[1] ?? '';
    await page.getByLabel(/^The request/).fill(body.replace('ID', id));
    await run(page);
    await sees(page, 'Rename_Task', /"verb": "vm\.rename"/);
    expect(await govc('ls', 'vm')).not.toContain('other');
  });

  test('a change of an object is shown as the host would get it', async () => {
    const { page, go } = root;
    const id = /VirtualMachine:(\S+)/.exec(await govc('ls', '-i', 'vm'))?.[1] ?? '';
    await go(`mappings/playground?kind=object&platform=libvirt&object=vm-${id}`);
    await run(page);
    await sees(page, 'As the client is shown it');
    await page.getByText('A change', { exact: true }).click();
    await page.getByRole('button', { name: 'Begin with the generic document' }).click();
    const after = page.getByLabel('The generic document as it shall be');
    const text = await after.inputValue();
    await after.fill(text.replaceAll('>67108864<', '>134217728<'));
    await run(page);
    await sees(page, 'The host’s document, changed', /131072<\/memory>/);
    expect(await host.virsh('dumpxml', 'seen')).not.toContain('131072');
  });

  test('a VM that was made is taken back from its job, and neither one that was changed since nor a step without an undo is', async () => {
    const { page, go } = root;
    await govc('vm.create', '-on=false', '-m', '64', 'mistake');
    await govc('vm.change', '-vm', 'seen', '-m', '128');
    expect(await host.virsh('list', '--all', '--name')).toContain('mistake');
    await go('jobs?verb=vm.create');
    const made = page.getByRole('row', { name: /vm\.create/ }).first();
    await made.getByRole('link', { name: /^job-/ }).click();
    await page.getByRole('button', { name: 'Roll back' }).click();
    await sees(page, 'The undos of these steps go to the host');
    await page.getByRole('button', { name: 'Roll it back' }).click();
    await page.getByRole('heading', { level: 1, name: /^job\.rollback/ }).waitFor();
    await sees(page, 'success', 'undone');
    expect(await host.virsh('list', '--all', '--name')).not.toContain('mistake');
    await go('jobs?verb=vm.create');
    await page
      .getByRole('row', { name: /vm\.create/ })
      .nth(1)
      .getByRole('link', { name: /^job-/ })
      .click();
    await sees(page, /It cannot be taken back: The vm .* has changed since the job ended/);
    await go('jobs?verb=vm.change');
    await page
      .getByRole('row', { name: /vm\.change/ })
      .first()
      .getByRole('link', { name: /^job-/ })
      .click();
    await sees(page, /It cannot be taken back: The step ".*" has no undo/);
  });

  test('a viewer plays, and is offered nothing that changes anything', async () => {
    const viewer = await openConsole(browser, { url: product.admin.url, ...VIEWER });
    const { page, go } = viewer;
    await go(PLAYGROUND);
    const text = await loaded(page);
    await editor(page).fill(`${text}\n<!-- -->`);
    await run(page);
    await sees(page, /^All \d+ come out\.$/, 'An administrator can take it into use.');
    expect(await page.getByRole('button', { name: /^Accept/ }).count()).toBe(0);
    // The editor is left by Tab as any field is.
    await editor(page).focus();
    await page.keyboard.press('Tab');
    expect(await editor(page).evaluate('document.activeElement?.tagName')).not.toBe('TEXTAREA');
    expect(viewer.complaints).toEqual([]);
    await viewer.close();
  });

  const ALL = ['mappings', 'mappings/vim25', 'mappings/vim25?tab=coverage', 'mappings/libvirt?tab=sheets'];
  test.each([
    ['light', [...ALL, `mappings/sheet/${SHEET}`, PLAYGROUND]],
    ['dark', ['mappings', 'mappings/vim25', `mappings/sheet/${SHEET}`, PLAYGROUND]],
  ] as const)(
    'axe-core finds no serious fault, and nothing stands beside a narrow window, %s',
    async (colorScheme, paths) => {
      const { user, password, admin } = product;
      const one = await openConsole(browser, { url: admin.url, user, password, colorScheme, width: 420 });
      for (const path of paths) {
        await one.go(path);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        if (path === PLAYGROUND) {
          const text = await loaded(one.page);
          await editor(one.page).fill(text.replace('<name><xsl:value-of', '<name>edited-<xsl:value-of'));
          await run(one.page);
          await sees(one.page, 'it would be refused');
        }
        expect([path, await axeFaults(one.page)]).toEqual([path, []]);
        const width = await one.page.evaluate<number>('document.documentElement.scrollWidth');
        expect([path, width <= 420]).toEqual([path, true]);
      }
      expect(root.complaints.filter((text) => !text.includes('409'))).toEqual([]);
      await one.close();
    },
  );
});
