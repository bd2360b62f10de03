/** Debian's Chromium on the console of a program: log-ins, pages by address, what axe-core finds, pictures. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { requireClient } from './clients.ts';

export type ColorScheme = 'light' | 'dark';

export interface ConsoleOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly colorScheme?: ColorScheme;
  readonly width?: number;
}

export interface Console {
  readonly page: Page;
  /** What the browser complained of: a console makes none. */
  readonly complaints: readonly string[];
  /** `objects/vm-12?tab=native`. */
  readonly go: (path: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** As root Chromium has no sandbox of its own; what it opens here is ours alone. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: requireClient('chromium'),
    args: ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });

const HEIGHT = 800;

export const openConsole = async (browser: Browser, options: ConsoleOptions): Promise<Console> => {
  const { url, user, password, colorScheme = 'light', width = 1280 } = options;
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height: HEIGHT },
    colorScheme,
    ignoreHTTPSErrors: true,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  // Who is not logged in is told so by 401: the first question of every console.
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/api/v1/me')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return {
    page,
    complaints,
    go: async (path) => {
      await page.goto(`${url}/#/${path}`);
      await page.locator('main h1').waitFor();
    },
    close: () => context.close(),
  };
};

const PICTURE = { width: 1280, height: 640 } as const;

/** Of what a page shows at first, and no more than there is. */
export const takePicture = async (page: Page, path: string, most: number = PICTURE.height): Promise<void> => {
  await page.setViewportSize({ width: PICTURE.width, height: most });
  const bottom = await page.evaluate<number>(
    "Math.max(...[...document.querySelectorAll('main > *')].map((one) => one.getBoundingClientRect().bottom))",
  );
  const clip = { x: 0, y: 0, width: PICTURE.width, height: Math.min(most, Math.ceil(bottom) + 16) };
  await page.screenshot({ path, clip });
};

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact?: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Serious and critical faults of a page, each with its first place. Evaluated by the debugger: the page's own policy lets no script in. */
export const axeFaults = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ''}`);
};
