/** Documents in; each is made anew on a host that has none and read back; what is lost on the way, path by path, and what is refused, out. */
import type { Vm } from '../mappings/generic/model.ts';
import type { GoldenDocument } from './golden-pairs.ts';
import { differingParts, differingPaths, missingPaths } from './lost-paths.ts';
import { rebuilt } from './rebuilt.ts';
import type { WrittenHost } from './written-host.ts';

export interface RoundTrips {
  /** Paths of generic documents, behind their kind: `vm.disks[].uuid`. */
  readonly lost: readonly string[];
  /** Paths of the host's own documents, behind their kind: `vm/config/modified`. */
  readonly differing: readonly string[];
  /** Why a document is not made, by its name. */
  readonly refused: Readonly<Record<string, string>>;
}

/** One reason, and all that is lost for it. */
export type Losses = Readonly<Record<string, readonly string[]>>;
export const listed = (losses: Losses): string[] => Object.values(losses).flat().toSorted();

/** Each on a host of its own. */
export const goldenRoundTrips = async (
  goldens: readonly GoldenDocument[],
  open: () => Promise<WrittenHost>,
  options: {
    /** What is asked for otherwise than it is told, by the document's name: what the host has already. */
    readonly but?: Readonly<Record<string, object>>;
    /** What the host calls its objects by itself, anew each time. */
    readonly names?: RegExp;
  } = {},
): Promise<RoundTrips> => {
  const [lost, differing] = [new Set<string>(), new Set<string>()];
  const refused: Record<string, string> = {};
  for (const { name, native, document } of goldens) {
    const { kind } = native;
    const wanted = { ...document, ...options.but?.[name] };
    await using host = await open();
    try {
      const made = await rebuilt(host, kind, wanted);
      const back = (await host.estate()).all().find((one) => one.native.kind === kind && one.native.native === made);
      if (back === undefined) throw new Error(`${name} was made and is not there`);
      for (const path of differingPaths(wanted, back.document)) lost.add(`${kind}.${path}`);
      for (const path of differingParts(native, back.native, options.names)) differing.add(`${kind}${path}`);
    } catch (error) {
      refused[name] = error instanceof Error ? error.message : String(error);
    }
  }
  return { lost: [...lost].toSorted(), differing: [...differing].toSorted(), refused };
};

/** A VM that was asked for, made and read back; its paths that are not as they were asked for. The host has it no longer. */
export const lostOf = async (host: WrittenHost, vm: Vm): Promise<string[]> => {
  const target = await rebuilt(host, 'vm', vm);
  const lost = missingPaths(vm, (await host.estate()).vm(target));
  await host.run('vm.delete', () => ({ target, params: { deleteVolumes: true } }));
  return lost;
};
