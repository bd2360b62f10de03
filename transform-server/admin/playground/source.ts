/** What somebody pasted or chose in; the object that it is, with what it joins, out. */
import { formatDocument, parseDocument } from '../../../mappings/generic/documents.ts';
import type { DocumentKind, Documents } from '../../../mappings/generic/model.ts';
import type { NativeObject } from '../../../mappings/generic/native.ts';
import type { FrontInstance, Platform } from '../../../mappings/generic/platform.ts';
import { safeCopy, withoutSecrets } from '../../../runtime/redaction.ts';
import { formatNative, type GoldenCase, goldenFront, NO_JOINS, parseNative } from '../../engine/golden-cases.ts';
import { type JoinsTable, joinsTable } from '../../engine/work.ts';
import { findObject, frontsOf } from '../found-object.ts';
import type { Inspected } from '../parts.ts';
import { Problem } from '../problem.ts';

export interface Source {
  /** Of its host. */
  readonly platform: Platform;
  readonly kind: DocumentKind;
  /** Absent of a golden pair that begins with a generic document, and of what is to be made. */
  readonly native?: NativeObject | undefined;
  readonly generic?: Documents[DocumentKind] | undefined;
  /** The generic document as it shall be. */
  readonly after?: Documents[DocumentKind] | undefined;
  readonly joins: JoinsTable;
  readonly front: (platform: string) => FrontInstance;
}

const FACTS_ROOM = 64 * 1024;
/** Of a document that is read here. */
const CHARACTERS = 1024 * 1024;

export type Given = 'native' | 'golden' | 'object';

/** Somebody's text that is not what it should be is no bug of ours. */
const read = <T>(what: string, act: () => T): T => {
  try {
    return act();
  } catch (error) {
    throw new Problem(422, `${what}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500));
  }
};

export const genericOf = (kind: DocumentKind, text: string): Documents[DocumentKind] =>
  read('generic document', () => {
    if (text.length > CHARACTERS) throw new Error(`it has more than ${CHARACTERS} characters`);
    return parseDocument(kind, text.trim());
  });

const rootOf = (text: string): string =>
  /^(?:\s|<\?[^?]*\?>|<!--[^-]*(?:-[^-]+)*-->)*<([\w:.-]+)/.exec(text.slice(0, 10_000))?.[1] ?? '';

/** A host's own XML, as people have it: the rest of the object is that of a golden pair with a part of that name. */
const completed = (text: string, pairs: readonly GoldenCase[], platform: string): NativeObject => {
  const root = rootOf(text);
  for (const { work } of pairs) {
    if (work.platform !== platform || !('native' in work.source)) continue;
    const { native } = work.source;
    const part = Object.entries(native.parts).find(([, one]) => rootOf(one) === root);
    if (root !== '' && part !== undefined) return { ...native, parts: { ...native.parts, [part[0]]: text } };
  }
  throw new Problem(
    422,
    `native document: <${root}> is not what a host of ${platform} tells; or write <native> around it`,
  );
};

const ofPair = (pair: GoldenCase, platform: Platform): Source => {
  const { source } = pair.work;
  const usual = { platform, joins: NO_JOINS, front: goldenFront };
  if (!('generic' in source) && pair.work.platform !== platform.name)
    throw new Problem(422, `the golden pair is of ${pair.work.platform}`);
  if ('change' in source) {
    const { kind, native, after } = source.change;
    return { ...usual, kind, native, after };
  }
  if ('native' in source) return { ...usual, kind: source.native.kind, native: source.native };
  const { kind, generic, joins } = source;
  return { ...usual, kind, generic, joins };
};

/** Before any sheet has it: an edited one could call a secret something else. */
const withoutItsSecrets = (native: NativeObject | undefined): NativeObject | undefined => {
  if (native === undefined) return undefined;
  const parts = Object.entries(native.parts).map(([name, text]) => [name, withoutSecrets(text)]);
  const facts = safeCopy(native.facts, { left: FACTS_ROOM }) as NativeObject['facts'];
  return { ...native, parts: Object.fromEntries(parts), facts };
};

const ofObject = (inspected: Inspected, id: string, name: string): Source => {
  const found = findObject(inspected, id);
  const { parts, entry } = found;
  const platform = parts.hosts.platformOf(entry.host);
  const native = withoutItsSecrets(parts.store.native(entry.id));
  if (platform?.host === undefined || native === undefined) throw new Problem(422, 'nothing native is known of it');
  if (platform.name !== name) throw new Problem(422, `it is of a host of ${platform.name}`);
  const fronts = frontsOf(found);
  return {
    platform,
    kind: entry.kind,
    native,
    joins: joinsTable(parts.store.joins(entry.id), platform.host.scan(native).owns),
    front: (api) => fronts.find(({ instance }) => instance.platform === api)?.instance ?? goldenFront(api),
  };
};

export const sourceOf = (
  inspected: Inspected,
  platform: Platform,
  { given, document, after }: { given: Given; document: string; after: string | undefined },
): Source => {
  const pairs = inspected.library.pairs();
  const source = ((): Source => {
    if (given === 'object') return ofObject(inspected, document, platform.name);
    if (given === 'golden') {
      const pair = pairs.find(({ name }) => name === document);
      if (pair === undefined) throw new Problem(422, `there is no golden pair ${document}`.slice(0, 200));
      return ofPair(pair, platform);
    }
    const native = /^\s*<native[\s>]/.test(document)
      ? read('native document', () => parseNative(document))
      : completed(document, pairs, platform.name);
    return { platform, kind: native.kind, native, joins: NO_JOINS, front: goldenFront };
  })();
  return after === undefined ? source : { ...source, after: genericOf(source.kind, after) };
};

export const nativeText = formatNative;
export const genericText = (kind: DocumentKind, document: Documents[DocumentKind]): string =>
  formatDocument(kind, document as never);
