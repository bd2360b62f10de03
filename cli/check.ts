/** `transvisor check`: a configuration in, everything that is wrong with it out; nothing is opened or changed. */
import { existsSync } from 'node:fs';
import { createAccounts } from '../runtime/accounts.ts';
import { readAccounts } from '../runtime/accounts-file.ts';
import { ConfigError } from '../runtime/config.ts';
import { readSecretFile } from '../runtime/secret.ts';
import { dialerOf, loadPlatform, platformOfUri } from './composition.ts';
import { configOf, type Flags } from './flags.ts';
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
    for (const { platform } of front) {
      await attempt(async () => {
        if ((await loadPlatform(platform)).front === undefined)
          throw new ConfigError(`${platform} is no front: it is for hosts only`);
      });
    }
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
