/** `transvisor ca`: the authority of this installation and certificates it signs. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../runtime/config.ts';
import { fingerprints, loadOrMakeCa, makeLeaf } from '../runtime/tls.ts';

export const showCa = (
  state: string,
  names: readonly string[] | undefined,
  out: string | undefined,
): { json: unknown; text: string } => {
  const folder = join(state, 'tls');
  const ca = loadOrMakeCa(folder, Date.now());
  const path = join(folder, 'ca.crt');
  if (names === undefined) {
    const { sha1, sha256 } = fingerprints(ca.certificate);
    return { json: { certificate: path, sha1, sha256 }, text: `${path}\nSHA-1   ${sha1}\nSHA-256 ${sha256}\n` };
  }
  const prefix = out ?? names[0] ?? '';
  const [certificate, key] = [`${prefix}.crt`, `${prefix}.key`];
  for (const file of [certificate, key])
    if (existsSync(file)) throw new ConfigError(`${file} exists; name another with --out`);
  const leaf = makeLeaf(ca, names, Date.now());
  writeFileSync(key, leaf.key, { mode: 0o600 });
  writeFileSync(certificate, leaf.certificate, { mode: 0o644 });
  const { sha1, sha256 } = fingerprints(leaf.certificate);
  return {
    json: { certificate, key, sha1, sha256 },
    text: `${certificate} and ${key}\nSHA-1   ${sha1}\nSHA-256 ${sha256}\n`,
  };
};
