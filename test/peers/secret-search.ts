/** Secrets in, the places of a running product in which one of them stands out: its admin endpoint and its state directory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transvisor } from './transvisor.ts';

/** A place and the text found there. */
type Place = readonly [string, string];

const MOST_OF_ONE_PATH = 300;
/** Streams, which do not end. */
const ENDLESS = new Set(['/events']);

interface OpenApi {
  readonly paths: Readonly<
    Record<string, { readonly get?: { readonly parameters?: readonly { readonly name: string }[] } }>
  >;
}

const page = async ({ admin }: Transvisor, path: string): Promise<string> => {
  const answer = await fetch(`${admin.url}${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
  // What is not there, or not of that kind, says so.
  if (answer.status !== 200 && (answer.status < 404 || answer.status > 501 || answer.status === 500))
    throw new Error(`${path} answered ${answer.status}`);
  return answer.text();
};

/** All items of a list; its pages are added. */
const list = async (product: Transvisor, path: string, pages: Place[]): Promise<readonly unknown[]> => {
  const found: unknown[] = [];
  for (let cursor: string | null | undefined = ''; typeof cursor === 'string'; ) {
    const text = await page(product, `${path}?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`);
    pages.push([path, text]);
    const { items, next } = JSON.parse(text) as { items: unknown[]; next: string | null };
    found.push(...items);
    cursor = next;
  }
  return found;
};

/** What names an item of a list: it is asked for by one of these. */
const namesOf = (item: unknown): readonly string[] =>
  typeof item === 'string'
    ? [item]
    : ['id', 'exchange', 'platform', 'name'].flatMap((key) => {
        const name = (item as Record<string, unknown>)[key];
        return typeof name === 'string' ? [name] : [];
      });

/** Every path of the admin endpoint that tells something, of every object, exchange, job and whatever else there is. */
export const adminPages = async (product: Transvisor): Promise<readonly Place[]> => {
  const pages: Place[] = [];
  for (const path of ['/healthz', '/metrics']) pages.push([path, await page(product, path)]);
  const { paths } = JSON.parse(await page(product, '/api/v1/openapi.json')) as OpenApi;
  const items = new Map<string, readonly unknown[]>();
  const templates: string[] = [];
  for (const [path, { get }] of Object.entries(paths)) {
    if (get === undefined || ENDLESS.has(path)) continue;
    if (path.includes('{')) templates.push(path);
    else if (get.parameters?.some(({ name }) => name === 'cursor'))
      items.set(path, await list(product, `/api/v1${path}`, pages));
    else pages.push([path, await page(product, `/api/v1${path}`)]);
  }
  const fronts = (items.get('/fronts') ?? []).flatMap(namesOf);
  for (const path of templates) {
    const [before = '', after = ''] = path.split(/\{\w+\}(.*)/s);
    const named = (items.get(before.slice(0, -1)) ?? [])
      .slice(0, MOST_OF_ONE_PATH)
      .flatMap((item) => namesOf(item).slice(0, 1));
    for (const name of named)
      for (const rest of after.includes('{') ? fronts.map((front) => after.replace(/\{\w+\}/, front)) : [after]) {
        const whole = `${before}${encodeURIComponent(name)}${rest}`;
        pages.push([whole, await page(product, `/api/v1${whole}`)]);
      }
  }
  return pages;
};

export const stateFiles = ({ state }: Transvisor): readonly Place[] =>
  readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(state.length + 1), readFileSync(path, 'latin1')] as const);

export type SecretSearch = {
  /** What for, and the secret itself. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Notes the secret and gives it back. */
  readonly secret: (what: string, text: string) => string;
  /** Places where one of the secrets stands, as it is, as base64 or as part of an address. */
  readonly leaks: (places: readonly Place[]) => readonly string[];
};

export const newSecretSearch = (): SecretSearch => {
  const secrets = new Map<string, string>();
  return {
    secrets,
    secret: (what, text) => {
      secrets.set(what, text);
      return text;
    },
    leaks: (places) =>
      places.flatMap(([place, text]) =>
        [...secrets].flatMap(([what, value]) => {
          const forms = [value, Buffer.from(value).toString('base64').replace(/=+$/, ''), encodeURIComponent(value)];
          return forms.some((form) => text.includes(form)) ? [`${what} in ${place}`] : [];
        }),
      ),
  };
};
