/** `/folder` and `/screen` requests in, where their bytes come from or go to out: a host's volume, or bytes that are here. */

import type { Call } from '../../generic/call.ts';
import { command } from '../../generic/commands.ts';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Volume } from '../../generic/model.ts';
import type { BrokerContext, Brokered, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { run } from '../central/effects.ts';
import { documents, objectOf } from '../central/inventory.ts';
import { invalidArgument, Refusal, refuse } from '../central/refusal.ts';
import { screenOf } from '../central/screenshot.ts';
import { deleteOf, newVolumeName, refuseLocked } from '../central/virtual-disks.ts';
import { FILE_FORMAT } from './formats.ts';
import {
  type Datastores,
  datastores,
  deleteOwn,
  existing,
  hasControls,
  type Node,
  nodeAt,
  type Place,
  placeOf,
  shownPath,
  volumesOf,
} from './tree.ts';
import { formatVmx } from './vmx.ts';

type Range = NonNullable<StreamRequest['range']>;

const TYPES = table<string>({
  vmx: 'text/plain; charset=utf-8',
  png: 'image/png',
  log: 'text/plain; charset=utf-8',
});
const typeOfPath = (path: string): string =>
  TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';

interface Span {
  readonly status: 200 | 206;
  readonly offset: number;
  readonly length: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** undefined: nothing of the file lies in the range. */
const spanOf = (size: number, range: Range | undefined): Span | undefined => {
  const accept = { 'accept-ranges': 'bytes' };
  if (!range) return { status: 200, offset: 0, length: size, headers: accept };
  // A negative start is a suffix: that many bytes from the end.
  const start = range.start < 0 ? Math.max(0, size + range.start) : range.start;
  const end = Math.min(range.end ?? size - 1, size - 1);
  if (start >= size || end < start) return undefined;
  return {
    status: 206,
    offset: start,
    length: end - start + 1,
    headers: { ...accept, 'content-range': `bytes ${start}-${end}/${size}` },
  };
};

const unsatisfiable = (size: number): StreamTarget => ({
  kind: 'bytes',
  status: 416,
  headers: { 'content-range': `bytes */${size}` },
  bytes: new Uint8Array(),
});

const bytesTarget = (bytes: Uint8Array, type: string, range: Range | undefined): StreamTarget => {
  const span = spanOf(bytes.length, range);
  if (!span) return unsatisfiable(bytes.length);
  const headers = { ...span.headers, 'content-type': type, 'content-length': String(span.length) };
  return { kind: 'bytes', status: span.status, headers, bytes: bytes.subarray(span.offset, span.offset + span.length) };
};

const volumeTarget = (node: Extract<Node, { kind: 'volume' }>, doc: Volume, range: Range | undefined): StreamTarget => {
  const type = typeOfPath(node.path);
  const modified: Record<string, string> =
    doc.modifiedMs === undefined ? {} : { 'last-modified': new Date(doc.modifiedMs).toUTCString() };
  const native = (
    status: number,
    offsetBytes: number,
    lengthBytes: number,
    headers: Readonly<Record<string, string>>,
  ): StreamTarget => ({
    kind: 'native',
    direction: 'download',
    status,
    headers: { 'content-type': type, ...modified, ...headers },
    offsetBytes,
    lengthBytes,
    call: { procedure: 'volume.download', args: { volume: node.volume.native, offsetBytes, lengthBytes } },
    touches: [],
  });
  // Only of raw files does the host tell the length; others are sent whole, to their end.
  if (doc.format !== 'raw' && doc.format !== 'iso') return native(200, 0, -1, {});
  const span = spanOf(doc.capacityBytes, range);
  if (!span) return unsatisfiable(doc.capacityBytes);
  return native(span.status, span.offset, span.length, span.headers);
};

function* get(place: Place, all: Datastores, request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const node = existing(place);
  switch (node.kind) {
    case 'directory':
      return refuse('file-not-found', { path: shownPath(place) });
    case 'own':
      return bytesTarget(node.bytes, typeOfPath(node.path), request.range);
    case 'vmx': {
      const text = formatVmx(
        node.vm.doc,
        all.trees.map(({ storage }) => storage.doc),
      );
      return bytesTarget(Buffer.from(text), typeOfPath(node.path), request.range);
    }
    case 'volume': {
      const [volume] = yield* documents('volume', [node.volume], context);
      return volume
        ? volumeTarget(node, volume.doc, request.range)
        : refuse('file-not-found', { path: shownPath(place) });
    }
    default:
      return node satisfies never;
  }
}

/** Jobs of a stream request are the client's as if it had called a method for them. */
const callOf = (request: StreamRequest): Call => ({
  method: request.method === 'DELETE' ? 'DeleteDatastoreFile_Task' : 'CreateVirtualDisk_Task',
  target: { type: 'FileManager', id: 'ha-nfc-file-manager' },
  args: {},
  version: '',
  operation: '',
});

function* put(place: Place, all: Datastores, request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const node = nodeAt(place);
  const { storage } = place.tree;
  const path = shownPath(place);
  if (node?.kind === 'directory') refuse('file-exists', { path });
  if (node?.kind === 'vmx') refuse('file-locked', { path });
  const name = newVolumeName(place);
  for (let up = place.path; up.includes('/'); ) {
    up = up.slice(0, up.lastIndexOf('/'));
    const above = nodeAt({ tree: place.tree, path: up });
    if (above && above.kind !== 'directory') refuse('file-not-found', { path });
  }
  const call = callOf(request);
  const capacityBytes = request.lengthBytes ?? 0;
  if (capacityBytes > storage.doc.availableBytes) refuse('no-disk-space', { storage: storage.doc.name });
  // A shorter file over a longer one would keep its tail.
  if (node?.kind === 'volume') {
    refuseLocked(all, place, node);
    yield* run(call, deleteOf(place, node));
  }
  yield* run(
    call,
    command('volume.create', storage.entry.host, storage.id, {
      storage: storage.id,
      name,
      capacityBytes,
      format: FILE_FORMAT,
      thin: true,
    }),
  );
  if (node?.kind === 'own') deleteOwn(context.own, storage.id, place.path);
  const made = volumesOf(storage.entry, context).find((volume) => volume.name === name);
  if (!made) return refuse('file-not-found', { path });
  const { native } = made.entry;
  return {
    kind: 'native',
    direction: 'upload',
    status: node ? 200 : 201,
    headers: {},
    offsetBytes: 0,
    lengthBytes: request.lengthBytes ?? -1,
    call: {
      procedure: 'volume.upload',
      args: { volume: native, offsetBytes: 0, lengthBytes: request.lengthBytes ?? -1 },
    },
    touches: [{ kind: 'volume', native }],
  };
}

function* remove(
  place: Place,
  all: Datastores,
  request: StreamRequest,
  context: BrokerContext,
): Brokered<StreamTarget> {
  const node = existing(place);
  const path = shownPath(place);
  if (node.kind === 'directory') return refuse('file-not-found', { path });
  if (node.kind === 'vmx') return refuse('file-locked', { path });
  if (node.kind === 'own') deleteOwn(context.own, place.tree.storage.id, place.path);
  else {
    refuseLocked(all, place, node);
    yield* run(callOf(request), deleteOf(place, node));
  }
  return { kind: 'bytes', status: 204, headers: {}, bytes: new Uint8Array() };
}

const DATACENTERS = new Set(['', 'ha-datacenter']);

/** undefined: the text is no percent-encoded UTF-8. */
const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

function* folder(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const path = decoded(request.path.replace(/^\/folder\/?/, ''));
  const dsName = request.query['dsName'] ?? '';
  const dcPath = (request.query['dcPath'] ?? '').replace(/^\/+|\/+$/g, '');
  if (path === undefined || hasControls(path) || dsName === '' || dsName.includes(']')) return invalidArgument('path');
  if (!DATACENTERS.has(dcPath)) return refuse('file-not-found', { path: dcPath });
  const all = yield* datastores(context);
  const place = placeOf(all, `[${dsName}] ${path}`);
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return yield* get(place, all, request, context);
    case 'PUT':
    case 'POST':
      return yield* put(place, all, request, context);
    case 'DELETE':
      return yield* remove(place, all, request, context);
    case 'CONNECT':
      return refuse('not-supported', {});
    default:
      return request.method satisfies never;
  }
}

function* screen(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse('not-supported', {});
  const vm = yield* objectOf('vm', { type: 'VirtualMachine', value: request.query['id'] ?? '' }, context);
  return bytesTarget(yield* screenOf(vm), 'image/png', undefined);
}

export function* datastoreStream(request: StreamRequest, context: BrokerContext): Brokered<Outcome<StreamTarget>> {
  try {
    if (request.path === '/screen') return done(yield* screen(request, context));
    if (/^\/folder(\/|$)/.test(request.path)) return done(yield* folder(request, context));
    return refused(fault('file-not-found', { path: request.path }, ''));
  } catch (error) {
    if (error instanceof Refusal) return refused(error.fault);
    throw error;
  }
}
