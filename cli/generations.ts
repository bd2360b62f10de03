/** The mappings as they are on disk now: nothing in, the registry with modules of that content out. What did not change is the same module. */
import { hash } from 'node:crypto';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PLATFORMS } from '../mappings/platforms.ts';
import { readMappingFiles } from '../transform-server/engine/mapping-files.ts';

const ROOT = new URL('../', import.meta.url);
const MAPPINGS = new URL('mappings/', ROOT).href;
/** What platforms share with the rest of the program stays as it was loaded: types and errors must be the same on both sides. */
const SHARED = [new URL('mappings/generic/', ROOT).href, new URL('mappings/wire/', ROOT).href];
const MARK = /\?content=[0-9a-f]{16}$/;

let hooked = false;
/** A module of a platform loads the others of its platform at its own content. */
const hook = (): void => {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      const mark = MARK.exec(context.parentURL ?? '')?.[0];
      const isOwn = found.url.startsWith(MAPPINGS) && !SHARED.some((shared) => found.url.startsWith(shared));
      return mark !== undefined && isOwn && !MARK.test(found.url) ? { ...found, url: found.url + mark } : found;
    },
  });
};

export const freshPlatforms = async (): Promise<typeof PLATFORMS> => {
  hook();
  const { hashes } = readMappingFiles(fileURLToPath(ROOT));
  const content = hash(
    'sha256',
    [...hashes]
      .filter(([name]) => name.startsWith('mappings/'))
      .flat()
      .join('\n'),
  );
  const registry = (await import(`${MAPPINGS}platforms.ts?content=${content.slice(0, 16)}`)) as {
    PLATFORMS: typeof PLATFORMS;
  };
  return registry.PLATFORMS;
};
