/** The text of a `.vmx` file in, its `key = "value"` entries out, found by key in any case. */
import { fault, type Outcome, refused } from '../../generic/faults.ts';

export const MAX_VMX_BYTES = 256 * 1024;
const MAX_ENTRIES = 4096;

export interface Attributes {
  /** By the key in lower case. */
  get(key: string): string | undefined;
  /** As the file spells them. */
  spelled(): Iterable<readonly [string, string]>;
}

const LINE = /^\s*([A-Za-z0-9_.:-]+)\s*=\s*(?:"([^"]*)"|([^"\s]*))\s*$/;

const plain = (text: string): string =>
  text.replace(/\|([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

export const parseVmx = (bytes: Uint8Array): Outcome<Attributes> => {
  const bad = (what: string): Outcome<never> =>
    refused(fault('invalid-vm-config', {}, `The configuration file cannot be read: ${what}`));
  if (bytes.length > MAX_VMX_BYTES) return bad('it is too long');
  const text = Buffer.from(bytes).toString('utf8');
  const found = new Map<string, readonly [string, string]>();
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const match = LINE.exec(line);
    if (!match) return bad(`line ${n + 1}`);
    const [, key = '', quoted, bare = ''] = match;
    found.set(key.toLowerCase(), [key, plain(quoted ?? bare)]);
    if (found.size > MAX_ENTRIES) return bad('too many entries');
  }
  if (!found.has('config.version')) return bad('it has no config.version');
  return { ok: true, value: { get: (key) => found.get(key)?.[1], spelled: () => found.values() } };
};
