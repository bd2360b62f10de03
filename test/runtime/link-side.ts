/** One side of a link over TLS: its certificate files in a folder of its own, what it trusts, and what it logs; ended with its test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createLinkTrust } from '../../runtime/link-trust.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import { type KeyPair, makeCa, saveKeyPair } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';

export const ca = makeCa(Date.now());

export const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A log that keeps its texts. */
export const keeping = (): { log: Log; text: () => string } => {
  const lines: string[] = [];
  const add = (fields: object, text: string): void => {
    const { error } = fields as { error?: Error };
    lines.push(error === undefined ? text : `${text}: ${error.message}`);
  };
  const log = { ...silentLog, info: add, warn: add, error: add } as unknown as Log;
  return { log, text: () => lines.join('\n') };
};

/** A folder with what one side has. */
export const side = (pair: KeyPair, authority = ca.certificate) => {
  const folder = temporaryFolder();
  const prefix = join(folder, 'link');
  saveKeyPair(prefix, pair);
  writeFileSync(join(folder, 'ca.crt'), authority);
  const kept = keeping();
  const files = {
    ca: join(folder, 'ca.crt'),
    certificate: `${prefix}.crt`,
    key: `${prefix}.key`,
    revoked: join(folder, 'link-revoked'),
  };
  const trust = createLinkTrust(files, kept.log);
  closers.push(() => trust.close());
  return { ...kept, files, prefix, trust };
};

export type Side = ReturnType<typeof side>;
