/** Our own element in a domain's `<metadata>`: what the hub knows of a VM and libvirt has no place for. */
import type { ForeignAttribute, Share, Vm } from '../generic/model.ts';
import { GUARD } from '../generic/native.ts';
import { attributeOf, childrenOf, escapeAttribute, escapeText, readXml, type XmlElement } from '../wire/xml.ts';
import { attribute, child, type Span, source, textOf } from './spans.ts';

export const METADATA_NAMESPACE = 'https://transvisor.org/xmlns/libvirt/1';
export const METADATA_PREFIX = 'transvisor';
/** virDomainMetadataType */
export const METADATA_TYPE = { description: 0, title: 1, element: 2 } as const;

/** Written just before a snapshot is taken, so that libvirt keeps it inside the snapshot; it speaks only of the snapshot it names. */
export interface SnapshotMark {
  readonly native: string;
  readonly name: string;
  /** false: the memory image is in it, but a revert must not bring it back. */
  readonly memory: boolean;
}

export interface OwnMetadata {
  readonly instanceUuid?: string;
  readonly osId?: string;
  readonly template?: boolean;
  readonly createdMs?: number;
  readonly cpuHotAdd?: boolean;
  readonly memoryHotAdd?: boolean;
  readonly cpuShare?: Share;
  readonly memoryShare?: Share;
  readonly attributes: readonly ForeignAttribute[];
  readonly snapshot?: SnapshotMark;
  /** The job that made the VM. */
  readonly job?: string;
}

const element = (name: string, text: string | number | boolean | undefined): string =>
  text === undefined || text === '' ? '' : `<${name}>${escapeText(String(text))}</${name}>`;

const shareElement = (name: string, share: Share | undefined): string => {
  if (share === undefined) return '';
  const written = (['reservation', 'limit', 'shares'] as const)
    .filter((field) => share[field] !== undefined)
    .map((field) => ` ${field}="${share[field]}"`);
  return written.length === 0 ? '' : `<${name}${written.join('')}/>`;
};

/** What is inside our element. */
const content = (own: OwnMetadata): string =>
  [
    element('instanceUuid', own.instanceUuid),
    element('os', own.osId),
    element('template', own.template || undefined),
    element('created', own.createdMs),
    element('cpuHotAdd', own.cpuHotAdd || undefined),
    element('memoryHotAdd', own.memoryHotAdd || undefined),
    shareElement('cpuShare', own.cpuShare),
    shareElement('memoryShare', own.memoryShare),
    ...own.attributes.map(
      ({ owner, key, value }) =>
        `<attribute owner="${escapeAttribute(owner)}" key="${escapeAttribute(key)}">${escapeText(value)}</attribute>`,
    ),
    own.snapshot
      ? `<snapshot native="${escapeAttribute(own.snapshot.native)}" memory="${own.snapshot.memory}">${escapeText(own.snapshot.name)}</snapshot>`
      : '',
    element('job', own.job),
  ].join('');

/** As it stands in a domain; '' when there is nothing to keep. */
export const formatMetadata = (own: OwnMetadata): string => {
  const inner = content(own);
  return inner === ''
    ? ''
    : `<${METADATA_PREFIX}:vm xmlns:${METADATA_PREFIX}="${METADATA_NAMESPACE}">${inner.replace(/<(\/?)(?=[a-z])/gi, `<$1${METADATA_PREFIX}:`)}</${METADATA_PREFIX}:vm>`;
};

/** As SET_METADATA takes it, without a namespace: libvirt gives it ours, the children too (seen: libvirt 9.0). null removes it. */
export const formatForCall = (own: OwnMetadata): string | null => {
  const inner = content(own);
  return inner === '' ? null : `<vm>${inner}</vm>`;
};

/** What the generic document says that belongs here. */
export const metadataOfVm = (vm: Vm, more: Pick<OwnMetadata, 'snapshot' | 'job'> = {}): OwnMetadata => ({
  ...(vm.instanceUuid === undefined ? {} : { instanceUuid: vm.instanceUuid }),
  osId: vm.osId,
  template: vm.template,
  ...(vm.createdMs === undefined ? {} : { createdMs: vm.createdMs }),
  cpuHotAdd: vm.cpuHotAdd,
  memoryHotAdd: vm.memoryHotAdd,
  cpuShare: vm.cpuShare,
  memoryShare: vm.memoryShare,
  attributes: vm.attributes,
  ...more,
});

const NONE: OwnMetadata = { attributes: [] };

const shareOf = (root: XmlElement, name: string): Share | undefined => {
  const found = childrenOf(root, name)[0];
  if (!found) return undefined;
  const share: Share = {};
  for (const field of ['reservation', 'limit', 'shares'] as const) {
    const value = Number(attributeOf(found, field));
    if (Number.isFinite(value)) share[field] = value;
  }
  return share;
};

const fromElement = (root: XmlElement): OwnMetadata => {
  const text = (name: string): string | undefined => childrenOf(root, name)[0]?.text;
  const instanceUuid = text('instanceUuid');
  const osId = text('os');
  const createdMs = Number(text('created') ?? Number.NaN);
  const cpuShare = shareOf(root, 'cpuShare');
  const memoryShare = shareOf(root, 'memoryShare');
  const job = text('job');
  const mark = childrenOf(root, 'snapshot')[0];
  return {
    ...(instanceUuid === undefined ? {} : { instanceUuid }),
    ...(osId === undefined ? {} : { osId }),
    template: text('template') === 'true',
    ...(Number.isFinite(createdMs) ? { createdMs } : {}),
    cpuHotAdd: text('cpuHotAdd') === 'true',
    memoryHotAdd: text('memoryHotAdd') === 'true',
    ...(cpuShare ? { cpuShare } : {}),
    ...(memoryShare ? { memoryShare } : {}),
    attributes: childrenOf(root, 'attribute').map((one) => ({
      owner: attributeOf(one, 'owner') ?? '',
      key: attributeOf(one, 'key') ?? '',
      value: one.text,
    })),
    ...(mark
      ? {
          snapshot: {
            native: attributeOf(mark, 'native') ?? '',
            name: mark.text,
            memory: attributeOf(mark, 'memory') !== 'false',
          },
        }
      : {}),
    ...(job === undefined ? {} : { job }),
  };
};

/** The span of our element below `<metadata>`: bound to our namespace at the element itself, as libvirt writes it back. */
export const ownElement = (text: string, domain: Span): Span | undefined =>
  child(domain, 'metadata')?.children.find((span) => {
    const colon = span.name.indexOf(':');
    return attribute(text, span, colon < 0 ? 'xmlns' : `xmlns:${span.name.slice(0, colon)}`) === METADATA_NAMESPACE;
  });

/** Read without a parser, since every scan asks. */
export const isTemplate = (text: string, domain: Span): boolean => {
  if (!text.includes(METADATA_NAMESPACE)) return false;
  const mark = ownElement(text, domain)?.children.find(({ name }) => name.slice(name.indexOf(':') + 1) === 'template');
  return mark !== undefined && textOf(text, mark).trim() === 'true';
};

/** Read whole only where the word occurs. */
export const isGuarded = (text: string, domain: Span): boolean =>
  (text.includes(`'${GUARD}'`) || text.includes(`"${GUARD}"`)) &&
  readMetadata(text, domain).attributes.some(({ key }) => key === GUARD);

/** Our element's content; empty where there is none or it is not ours to read. */
export const readMetadata = (text: string, domain: Span): OwnMetadata => {
  if (!text.includes(METADATA_NAMESPACE)) return NONE;
  const found = ownElement(text, domain);
  if (!found) return NONE;
  const read = readXml(source(text, found));
  return read.ok && read.root.name === 'vm' ? fromElement(read.root) : NONE;
};

/** `http://debian.org/debian/12` of libosinfo to its short id `debian12`. */
export const libosinfoId = (text: string, domain: Span): string => {
  const os = child(domain, 'metadata')?.children.find(({ name }) => name === 'libosinfo:libosinfo')?.children[0];
  const id = os && attribute(text, os, 'id');
  const [, family = '', version = ''] = /\/([^/]+)\/([^/]+)$/.exec(id ?? '') ?? [];
  return family + version;
};
