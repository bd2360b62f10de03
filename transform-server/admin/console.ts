/** The web console's files in, the same ones for browsers out: types stripped and packages renamed once, at the start; nothing comes from elsewhere. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';

const FOLDER = new URL('./console/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
};
/** One module that stands by itself: the bare names in the console's imports mean it. From the file that `require` gets of the package. */
const PACKAGE = 'htm';
const LIBRARY = '../preact/standalone.module.js';
const LIBRARY_PATH = '/console/preact.js';
const BARE = /(\bfrom\s+)'(?:htm\/preact|preact\/hooks|preact)'/g;

interface Asset {
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

const assetOf = (type: string, body: string): Asset => ({
  type,
  body,
  etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
});

const readAssets = (): ReadonlyMap<string, Asset> => {
  const assets = new Map<string, Asset>();
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    const extension = extname(name);
    const type = TYPES[extension];
    if (type === undefined) continue;
    const text = readFileSync(new URL(name, FOLDER), 'utf8');
    const body = extension === '.ts' ? stripTypeScriptTypes(text).replace(BARE, `$1'${LIBRARY_PATH}'`) : text;
    assets.set(name === 'index.html' ? '/' : `/console/${name}`, assetOf(type, body));
  }
  const library = readFileSync(join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), LIBRARY), 'utf8');
  assets.set(LIBRARY_PATH, assetOf('text/javascript; charset=utf-8', library));
  return assets;
};

export const mountConsole = (app: FastifyInstance): void => {
  for (const [path, { type, body, etag }] of readAssets())
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      void reply.header('etag', etag).header('cache-control', 'no-cache');
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(body);
    });
};
