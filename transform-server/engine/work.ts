/** What crosses from the main thread to the pipeline and back: work on one object in, texts and their index out. All structured-cloneable. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { FrontInstance, Joins, Platform, Sheets } from '../../mappings/generic/platform.ts';
import { isPacked, PackedMember, type TemplateIndex } from '../store/packed-member.ts';
import { type PackedText, plainText, type Template } from '../store/packed-text.ts';
import type { MemberText } from '../store/store.ts';

/** Joins with the function resolved to its table. */
export interface JoinsTable extends Omit<Joins, 'owned'> {
  readonly owned: readonly (readonly [kind: 'disk' | 'nic' | 'snapshot', match: string, id: HubId])[];
}

export interface Change {
  readonly kind: DocumentKind;
  readonly native?: NativeObject;
  readonly before?: Documents[DocumentKind];
  readonly after: Documents[DocumentKind];
}

export type Work =
  /** The generic text of a native object. */
  | { readonly work: 'generic'; readonly platform: string; readonly native: NativeObject }
  /** The rendered bundle for a front; from the native object when the generic document is not there yet. */
  | {
      readonly work: 'render';
      readonly platform: string;
      readonly front: FrontInstance;
      readonly joins: JoinsTable;
      readonly source:
        | { readonly native: NativeObject }
        | { readonly kind: DocumentKind; readonly generic: Documents[DocumentKind] };
    }
  /** A native document changed by a generic one. */
  | { readonly work: 'change'; readonly platform: string; readonly change: Change }
  | RawWork
  /** Nothing is made: the sheet compiles, or why not. */
  | {
      readonly work: 'compile';
      readonly platform: string;
      readonly direction: keyof Sheets;
      readonly kind: DocumentKind;
    };

/** The output of one sheet as it is, to be judged. */
export interface RawWork {
  readonly work: 'raw';
  readonly platform: string;
  readonly source:
    | { readonly native: NativeObject }
    | { readonly change: Change }
    | {
        readonly kind: DocumentKind;
        readonly generic: Documents[DocumentKind];
        readonly joins: JoinsTable;
        readonly front: FrontInstance;
      };
}

export interface SheetInput {
  readonly direction: keyof Sheets;
  readonly kind: DocumentKind;
  readonly input: string;
}

export const changeInput = (platform: Platform, change: Change): SheetInput => {
  if (!platform.host) throw new Error(`${platform.name} drives no host`);
  const direction = platform.sheets.toHost === undefined ? 'fromGeneric' : 'toHost';
  return { direction, kind: change.kind, input: platform.host.fromGenericInput(change) };
};

/** Which sheet of the platform it is for, and what that sheet gets. */
export const rawInput = (platform: Platform, { source }: RawWork): SheetInput => {
  if ('change' in source) return changeInput(platform, source.change);
  if ('native' in source) {
    if (!platform.host) throw new Error(`${platform.name} drives no host`);
    const { native } = source;
    return { direction: 'toGeneric', kind: native.kind, input: platform.host.toGenericInput(native) };
  }
  if (!platform.render) throw new Error(`${platform.name} renders nothing`);
  const { kind, generic, joins, front } = source;
  return { direction: 'fromGeneric', kind, input: platform.render.input(kind, generic, joinsOf(joins), front) };
};

export type WorkDone =
  | {
      readonly ok: true;
      readonly generic?: PackedText | string;
      readonly members?: readonly MemberText[];
      readonly output?: string;
    }
  /** `closed`: nobody tried, or to the end, since the program ends or its sheets were replaced. */
  | { readonly ok: false; readonly error: string; readonly closed?: true };

/** A packed text for postMessage: the template's number and the values. */
type SentText = readonly [template: number, values: string];
type SentMember = readonly [type: string, id: string, ...text: SentText];

type SentDone =
  | {
      readonly ok: true;
      readonly generic?: SentText;
      readonly members?: readonly SentMember[];
      readonly output?: string;
    }
  | { readonly ok: false; readonly error: string };

/** A batch's answers for postMessage. Templates are sent once, ahead of their first use, and numbered in that order. */
export interface SentBatch {
  /** Numbers start anew; none given before is used again. */
  readonly anew: boolean;
  readonly templates: readonly { readonly segments: readonly string[]; readonly index: TemplateIndex | undefined }[];
  readonly done: readonly SentDone[];
}

/** Templates known to both sides at most; characters of them with the bytes of their indexes. */
const TEMPLATES = 4000;
const LENGTH = 8 * 1024 * 1024;

export const createBatchWriter = (limit = TEMPLATES, most = LENGTH): ((batch: readonly WorkDone[]) => SentBatch) => {
  let numbers = new WeakMap<Template, number>();
  let count = 0;
  let length = 0;
  return (batch) => {
    const anew = count > limit || length > most;
    if (anew) {
      numbers = new WeakMap();
      count = 0;
      length = 0;
    }
    const templates: { segments: readonly string[]; index: TemplateIndex | undefined }[] = [];
    const sent = (given: PackedText | string, index?: TemplateIndex): SentText => {
      const { template, values } = typeof given === 'string' ? plainText(given) : given;
      let number = numbers.get(template);
      if (number === undefined) {
        number = count++;
        numbers.set(template, number);
        length += template.segments.reduce((sum, segment) => sum + segment.length, 0);
        length += (index?.constant.byteLength ?? 0) + (index?.values.byteLength ?? 0);
        templates.push({ segments: template.segments, index });
      }
      return [number, values];
    };
    const done = batch.map((one): SentDone => {
      if (!one.ok) return one;
      return {
        ok: true,
        ...(one.generic === undefined ? {} : { generic: sent(one.generic) }),
        ...(one.output === undefined ? {} : { output: one.output }),
        ...(one.members === undefined
          ? {}
          : {
              members: one.members.map((member): SentMember => {
                if (!isPacked(member)) throw new Error(`${member.type} ${member.id} is not packed`);
                return [member.type, member.id, ...sent(member.packed, member.index)];
              }),
            }),
      };
    });
    return { anew, templates, done };
  };
};

export const createBatchReader = (): ((batch: SentBatch) => WorkDone[]) => {
  let known: { template: Template; index: TemplateIndex | undefined }[] = [];
  /** Lists of paths and types: templates are many, shapes are few, and each came with copies of its own. */
  const lists = new Map<string, readonly string[]>();
  const shared = (list: readonly string[]): readonly string[] => {
    const key = list.join('\n');
    const same = lists.get(key) ?? list;
    lists.set(key, same);
    return same;
  };
  const at = (number: number): { template: Template; index: TemplateIndex | undefined } => {
    const found = known[number];
    if (found === undefined) throw new Error(`template ${number} was not sent`);
    return found;
  };
  return ({ anew, templates, done }) => {
    if (anew) {
      known = [];
      lists.clear();
    }
    for (const { segments, index } of templates)
      known.push({
        template: { segments },
        index: index && { ...index, paths: shared(index.paths), types: shared(index.types) },
      });
    return done.map((one): WorkDone => {
      if (!one.ok) return one;
      const { generic, members, output } = one;
      return {
        ok: true,
        ...(generic === undefined ? {} : { generic: { template: at(generic[0]).template, values: generic[1] } }),
        ...(output === undefined ? {} : { output }),
        ...(members === undefined
          ? {}
          : {
              members: members.map(([type, id, number, values]) => {
                const { template, index } = at(number);
                if (index === undefined) throw new Error(`template ${number} has no index`);
                return new PackedMember(type, id, { template, values }, index);
              }),
            }),
      };
    });
  };
};

export const joinsTable = (
  joins: Joins,
  matches: readonly { readonly kind: 'disk' | 'nic' | 'snapshot'; readonly match: string }[],
): JoinsTable => ({
  id: joins.id,
  host: joins.host,
  ...(joins.hostAway === true ? { hostAway: true } : {}),
  storages: joins.storages,
  networks: joins.networks,
  volumes: joins.volumes,
  owned: matches.flatMap(({ kind, match }) => {
    const id = joins.owned(kind, match);
    return id === undefined ? [] : [[kind, match, id] as const];
  }),
});

export const joinsOf = (table: JoinsTable): Joins => {
  const owned = new Map(table.owned.map(([kind, match, id]) => [`${kind} ${match}`, id]));
  return { ...table, owned: (kind, match) => owned.get(`${kind} ${match}`) };
};
