/** What crosses the link between an agent's driver and the server: the hosts' own documents, calls and changes. */
import type { NativeRef } from './ids.ts';
import type { DocumentKind } from './model.ts';

/**
 * One object as its host describes it. `parts` are the host's own texts by name (libvirt: `domain`, `live`, `snapshot:<name>`),
 * `facts` the small scalars that came in bulk calls (state, autostart). Both together are all that a to-generic sheet reads.
 */
export interface NativeObject {
  readonly kind: DocumentKind;
  readonly native: string;
  readonly parts: Readonly<Record<string, string>>;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** The complete list of what lives in it (a storage's volumes): those the store knows and this does not name are gone. */
  readonly contains?: { readonly kind: DocumentKind; readonly natives: readonly string[] };
}

/** The key of an attribute that says, whoever owns it: commands on this VM depend on more than its host is asked, so none of them goes direct. */
export const GUARD = 'guard';

/** Facts cheap enough to have without a sheet, and the relations of an object by native name: from a streaming scan of the parts. */
export interface Scan {
  readonly name: string;
  readonly uuid?: string;
  /** Of a VM that is one; as its generic document will say. */
  readonly template?: boolean;
  /** Of a VM with an attribute of the key GUARD. */
  readonly guarded?: boolean;
  readonly relations: readonly { readonly to: DocumentKind; readonly native: string }[];
  /** Other native names that relations may use for this object (`name:default`, `path:/images/a`); unique for its kind and host. */
  readonly aliases?: readonly string[];
  /** Sub-objects that own an id: disks by volume, nics by MAC, snapshots by name. */
  readonly owns: readonly {
    readonly kind: 'disk' | 'nic' | 'snapshot';
    readonly match: string;
    readonly slot: string;
  }[];
}

/** What a host reports after its first listing. `hint` names the happening when the host said so (for the event log). */
export type NativeChange =
  | { readonly change: 'put'; readonly object: NativeObject; readonly hint?: string }
  | { readonly change: 'gone'; readonly ref: NativeRef; readonly hint?: string }
  | { readonly change: 'volatile'; readonly ref: NativeRef; readonly slots: Readonly<Record<string, unknown>> };

/** A call in the host's own words: procedure and arguments. `{ $from: 'step.path' }` inside args refers to an earlier result. */
export interface NativeCall {
  readonly procedure: string;
  readonly args: Readonly<Record<string, unknown>>;
}
