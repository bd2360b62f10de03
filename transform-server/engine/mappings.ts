/** The folder of the program and that of the state in; the sheet thread, its reload, and a library of all sheets out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../runtime/log.ts';
import { createLibrary, type Library } from './library.ts';
import { readMappingFiles } from './mapping-files.ts';
import { type Overlay, openOverlay } from './overlay.ts';
import { createMappings, type Mappings, type MappingsOptions, type Reload } from './reload.ts';
import { createSwitch, type Switch } from './switch.ts';
import { createThread, type Transformer } from './transformer.ts';
import type { Start } from './trials.ts';

export interface OpenedMappings {
  readonly transformer: Switch;
  /** `swapped`: documents are made anew from here on. */
  reloadable(swapped: MappingsOptions['swapped']): {
    readonly reload: Reload;
    readonly adopt: Mappings['adopt'];
    readonly library: Library;
  };
}

export const openMappings = (
  options: Pick<MappingsOptions, 'platforms' | 'fresh' | 'now'> & {
    readonly program: string | undefined;
    /** Where sheets that are changed here are kept, or what keeps them; neither: none can be. */
    readonly stateDir?: string | undefined;
    readonly overlay?: Overlay | undefined;
    /** In place of a thread of its own. */
    readonly transformer?: Transformer | undefined;
    readonly log: Log;
  },
): OpenedMappings => {
  const { platforms, fresh, now, program, stateDir, log } = options;
  const overlay = options.overlay ?? (stateDir === undefined ? undefined : openOverlay(join(stateDir, 'sheets')));
  const read = () => readMappingFiles(program, overlay);
  const inUse = read();
  for (const note of inUse.notes) log.warn({}, note);
  const start: Start = (texts, bounds) => createThread({ texts, ...bounds });
  const transformer = createSwitch(options.transformer ?? start(inUse.texts));
  const fixtures = join(program ?? '', 'fixtures');
  const textOf = (url: URL): string => readFileSync(url, 'utf8');
  return {
    transformer,
    reloadable: (swapped) => {
      const mappings = createMappings({
        platforms,
        fresh,
        now,
        transformer,
        read,
        inUse,
        start,
        swapped,
        fixtures,
        overlay,
      });
      const library = createLibrary({ mappings, transformer, start, fixtures, now, textOf });
      return { reload: mappings.reload, adopt: mappings.adopt, library };
    },
  };
};
