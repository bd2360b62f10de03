/** Secrets in, the places of a running product in which one of them stands out: its admin endpoint and its state directory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transvisor } from './transvisor.ts';

/** A place and the text found there. */
type Place = readonly [string, string];

const page = async ({ admin }: Transvisor, path: string): Promise<string> => {
  const answer = await fetch(`${admin.url}${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return answer.text();
};

/** All items of a list; its pages are added. */
const list = async (product: Transvisor, path: string, pages: Place[]): Promise<Record<string, unknown>[]> => {
  const found: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const text = await page(product, `${path}?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`);
    pages.push([path, text]);
    const { items, next } = JSON.parse(text) as { items: Record<string, unknown>[]; next: string | null };
    found.push(...items);
    cursor = next;
  }
  return found;
};

/** Every page of the admin endpoint, and that of every exchange. */
export const adminPages = async (product: Transvisor): Promise<readonly Place[]> => {
  const pages: Place[] = [];
  for (const path of ['/healthz', '/metrics']) pages.push([path, await page(product, path)]);
  await list(product, '/api/v1/audit', pages);
  for (const { exchange } of await list(product, '/api/v1/exchanges', pages))
    pages.push([String(exchange), await page(product, `/api/v1/exchanges/${encodeURIComponent(String(exchange))}`)]);
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
