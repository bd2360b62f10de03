/** A change of a generic document in, the input of its from-generic sheet out: `<change><native/><x/></change>`, where `<x>` holds what differs. */

import { formatDocument } from '../generic/documents.ts';
import type { DocumentKind, Documents, Network, Storage, Vm, Volume } from '../generic/model.ts';
import type { NativeObject } from '../generic/native.ts';
import { domainCreate, domainEdits } from './domain-edits.ts';
import { attributes } from './markup.ts';
import { parseSpans, source } from './spans.ts';

/**
 * For a create, `native` may be the host's own object: its capabilities tell the machine types and emulators.
 * For an edit, it is the object itself.
 */
export interface DocumentChange {
  readonly kind: DocumentKind;
  readonly native?: NativeObject;
  readonly before?: Documents[DocumentKind];
  readonly after: Documents[DocumentKind];
}

const documentText = (object: NativeObject | undefined, part: string): string => {
  const text = object?.parts[part];
  return text === undefined ? '' : source(text, parseSpans(text));
};

const poolType = { local: 'dir', nfs: 'netfs', block: 'disk', other: 'dir' } as const satisfies Record<
  Storage['kind'],
  string
>;

const computed = (kind: DocumentKind, change: DocumentChange): string => {
  const { native, before, after } = change;
  switch (kind) {
    case 'vm':
      return before && native?.kind === 'vm'
        ? domainEdits(native, before as Vm, after as Vm)
        : domainCreate(native, after as Vm);
    case 'storage':
      return `<x${attributes({ type: poolType[(after as Storage).kind] })}/>`;
    case 'volume': {
      const { format, allocationBytes } = after as Volume;
      return `<x${attributes({ format: format === '' ? 'qcow2' : format, allocation: allocationBytes })}/>`;
    }
    case 'network': {
      const { bridge, uplinks } = after as Network;
      return `<x${attributes({ mode: bridge !== '' || uplinks.length > 0 ? 'bridge' : undefined })}/>`;
    }
    case 'host':
      throw new Error('a host is not written');
    default:
      return kind satisfies never;
  }
};

const PART: Readonly<Record<DocumentKind, string>> = {
  vm: 'domain',
  storage: 'pool',
  volume: 'volume',
  network: 'network',
  host: 'capabilities',
};

export const fromGenericInput = (change: DocumentChange): string => {
  const { kind, native, before, after } = change;
  const text = native?.kind === kind && before ? documentText(native, PART[kind]) : '';
  const document = (one: Documents[DocumentKind] | undefined): string =>
    one ? formatDocument(kind, one as never) : '';
  return `<change><native>${text}</native><before>${document(before)}</before><after>${document(after)}</after>${computed(kind, change)}</change>`;
};
