/** `transvisor check`: a configuration in, everything that is wrong with it out; nothing is opened or changed. */
import { existsSync } from 'node:fs';
import { type ChosenFront, clashes } from '../agent/intake/choice.ts';
import { createAccounts } from '../runtime/accounts.ts';
import { readAccounts } from '../runtime/accounts-file.ts';
import { ConfigError } from '../runtime/config.ts';
import { silentLog } from '../runtime/log.ts';
import { readSecretFile } from '../runtime/secret.ts';
import { dialerOf, loadPlatform, platformOfUri } from './composition.ts';
import { configOf, type Flags } from './flags.ts';
import { createFrontTls } from './front-tls.ts';
import { checkLink } from './link.ts';

export const check = async (flags: Flags): Promise<{ json: unknown; text: string; well: boolean }> => {
  const mistakes: string[] = [];
  const attempt = async (act: () => unknown): Promise<void> => {
    try {
      await act();
    } catch (error) {
      mistakes.push(error instanceof Error ? error.message : String(error));
    }
  };
  let config: ReturnType<typeof configOf> | undefined;
  await attempt(() => {
    config = configOf(flags);
  });
  if (config !== undefined) {
    const checked = config;
    const { host, front, account, state } = checked;
    await attempt(() => checkLink(checked));
    if (host.length === 0) mistakes.push('no host is named');
    for (const one of host) {
      const { uri, passwordFile } = one;
      await attempt(async () => void dialerOf(await platformOfUri(uri), one));
      if (passwordFile !== undefined) await attempt(() => readSecretFile(passwordFile));
    }
    const tlsOf = createFrontTls(silentLog);
    const atGates: (ChosenFront & { readonly gate: string | undefined })[] = [];
    for (const one of front) {
      const { platform, gate, at = [] } = one;
      await attempt(() => tlsOf(checked, one, () => ({ certificate: '', key: '' })));
      await attempt(async () => {
        const its = (await loadPlatform(platform)).front;
        if (its === undefined) throw new ConfigError(`${platform} is no front: it is for hosts only`);
        atGates.push({
          gate,
          name: one.name ?? `${platform}@${one.host ?? host[0]?.name}`,
          secure: one.tls ?? its.tls,
          at,
        });
      });
    }
    for (const { name } of checked.gate)
      for (const clash of clashes(atGates.filter(({ gate }) => gate === name))) mistakes.push(`gate ${name}: ${clash}`);
    await attempt(() =>
      createAccounts(
        [...account, ...(existsSync(state) ? readAccounts(state) : [])].filter(
          (one, at, all) => all.findIndex(({ name }) => name === one.name) === at,
        ),
      ),
    );
    const { passwordFile } = config;
    if (passwordFile !== undefined) await attempt(() => readSecretFile(passwordFile));
  }
  const well = mistakes.length === 0;
  return { json: { well, mistakes }, text: well ? 'nothing is wrong\n' : `${mistakes.join('\n')}\n`, well };
};
