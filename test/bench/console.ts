/** `node test/bench/console.ts`: the console in Chromium with many machines and exchanges; milliseconds to what is first seen and frames a second while scrolling out. */
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openBrowser, openConsole } from '../peers/browser.ts';
import { startTransvisor } from '../peers/transvisor.ts';
import { median, quantile } from './figures.ts';
import { currentTime, openSession } from './vim-session.ts';

const { values: flags } = parseArgs({
  options: {
    vms: { type: 'string', default: '10000' },
    exchanges: { type: 'string', default: '10000' },
    /** Of each page. */
    turns: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROWS = '.rows-all .row:not(.none)';
const PAGES = [
  { path: 'overview', ready: '.map .node' },
  { path: 'objects?kind=vm', ready: ROWS },
  { path: 'exchanges', ready: ROWS },
] as const;

/** From the navigation to the first paint, and to the first frame with what was asked for in it. The browser's cache is warm, as anybody's second time. */
const paint = async (page: Page, url: string, path: string, ready: string): Promise<readonly [number, number]> => {
  const fresh = await page.context().newPage();
  await fresh.addInitScript(`
    new MutationObserver((_, observer) => {
      if (document.querySelector('${ready}') === null) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => { globalThis.readyMs = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
  `);
  await fresh.goto(`${url}/#/${path}`);
  // Asked by the debugger: the page's own policy evaluates nothing.
  const ask = (): Promise<readonly [number, number | null]> =>
    fresh.evaluate(
      `[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0, globalThis.readyMs ?? null]`,
    );
  let [first, whole] = await ask();
  for (; whole === null; [first, whole] = await ask()) await new Promise((resolve) => setTimeout(resolve, 50));
  await fresh.close();
  return [first, whole];
};

/** Milliseconds between frames while the table is scrolled a page a frame or so, from the top to wherever that leads. */
const scroll = (page: Page, seconds: number): Promise<readonly number[]> =>
  page.evaluate<readonly number[]>(`new Promise((resolve) => {
    const rows = document.querySelector('.rows');
    const begunMs = performance.now();
    const frames = [];
    let last = begunMs;
    const step = (ms) => {
      frames.push(ms - last);
      last = ms;
      rows.scrollTop += 240;
      if (rows.scrollTop + rows.clientHeight >= rows.scrollHeight - 1) rows.scrollTop = 0;
      if (ms - begunMs < ${seconds * 1000}) requestAnimationFrame(step);
      else resolve(frames.slice(1));
    };
    requestAnimationFrame(step);
  })`);

await using product = await startTransvisor({
  host: `sim:///default?vms=${flags.vms}`,
  fronts: ['vim25', 'xenapi'],
  options: ['--plain', 'vim25'],
});
const session = await openSession(product);
for (let n = 0; n < Number(flags.exchanges); n += 1) await session.http.post(currentTime);
const browser = await openBrowser();
try {
  const { url } = product.admin;
  const { page, go, close } = await openConsole(browser, { url, user: product.user, password: product.password });
  say(`${flags.vms} machines, ${flags.exchanges} exchanges, ${browser.version()}`);
  for (const { path, ready } of PAGES) {
    const found: (readonly [number, number])[] = [];
    for (let turn = 0; turn < Number(flags.turns); turn += 1) found.push(await paint(page, url, path, ready));
    const [first, whole] = [found.map(([ms]) => ms), found.map(([, ms]) => ms)];
    say(
      `${path}: first paint ${median(first).toFixed(0)} ms, with content ${median(whole).toFixed(0)} ms (worst ${Math.max(...whole).toFixed(0)})`,
    );
    if (ready !== ROWS) continue;
    await go(path);
    await page.locator(ROWS).first().waitFor();
    for (const when of ['while all is still being loaded', 'when all is there']) {
      const frames = await scroll(page, Number(flags.seconds));
      const mean = frames.reduce((sum, ms) => sum + ms, 0) / frames.length;
      say(
        `${path}: scrolling ${when}: ${(1000 / mean).toFixed(0)} frames a second, 95 % within ${quantile(frames, 0.95).toFixed(1)} ms, longest ${Math.max(...frames).toFixed(0)} ms`,
      );
      await new Promise((resolve) => setTimeout(resolve, 5000));
    }
  }
  await close();
} finally {
  session.close();
  await browser.close();
}
