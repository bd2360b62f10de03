/** Requests for the bytes of a VDI in, transfers of its volume out; and the end of the task that a client made for one. */

import type { Outcome } from '../../generic/faults.ts';
import type { Volume } from '../../generic/model.ts';
import type { BrokerContext, Brokered, DiskContent, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { newVolumeName } from '../central/minting.ts';
import { DISK_FORMAT } from '../central/provision.ts';
import { refuse } from '../central/refusal.ts';
import { documents, type Found, isUp, storageOf, volumeOf } from '../central/targets.ts';
import { madeRef, run, type Work } from '../central/work.ts';
import { xenError } from '../faults.ts';
import { parseUuid, refOf, xenId } from '../ids.ts';
import { ownObject, putOwnObject } from '../own-data.ts';
import { dateTime } from '../render/markup.ts';
import { encodeXml } from '../values.ts';
import { streamWork } from './stream-work.ts';

/** Formats that the API knows. */
const FORMATS = new Set(['raw', 'vhd', 'qcow2', 'tar']);

const notServed = (reason: string): never => refuse('NOT_IMPLEMENTED', reason);

/** How a volume is given: as its file is, or the disk inside it. */
type Content = { readonly content?: DiskContent };

const contentOf = ({ query }: StreamRequest, { format, capacityBytes, allocationBytes }: Volume): Content => {
  const wanted = query['format'] ?? 'raw';
  if (!FORMATS.has(wanted)) refuse('UUID_INVALID', 'format', wanted);
  const file = format === 'iso' ? 'raw' : format;
  if (wanted === file) return {};
  const isKnown = (file === 'raw' || file === 'qcow2') && (wanted === 'raw' || wanted === 'vhd');
  if (!isKnown) return notServed(`transfers of a volume of format ${file} as ${wanted}`);
  return { content: { file, client: wanted, capacityBytes, isFresh: allocationBytes === 0 } };
};

/** A reference, or the VDI's uuid; '' when the request names none. */
const refOfVdi = ({ query }: StreamRequest, { front }: BrokerContext): string => {
  const given = query['vdi'] ?? '';
  const id = parseUuid(given, front);
  return id === undefined ? given : refOf(id, front);
};

/**
 * A machine that is up writes where it likes: neither what is read nor what is written would be whole. And what a snapshot needs lies in the
 * same file.
 */
function* refuseInUse(volume: Found<'volume'>, operation: string, work: Work): Brokered<void> {
  const { store } = work.context;
  const entries = store.edges(volume.id, 'vm').flatMap((id) => store.entry(id) ?? []);
  for (const vm of yield* documents('vm', entries, work)) {
    if (isUp(vm)) refuse('VDI_IN_USE', volume.ref, operation);
    if (operation === 'update' && vm.doc.snapshots.length > 0)
      refuse('OPERATION_NOT_ALLOWED', 'The image holds snapshots of its machine');
  }
}

const native = (
  volume: Found<'volume'>,
  more: Pick<
    Extract<StreamTarget, { kind: 'native' }>,
    'direction' | 'headers' | 'lengthBytes' | 'answersFirst' | 'cutIsEnd' | 'touches' | 'content'
  >,
  tells: boolean,
): StreamTarget => ({
  kind: 'native',
  status: 200,
  offsetBytes: 0,
  tells,
  call: {
    procedure: `volume.${more.direction}`,
    args: {
      volume: volume.entry.native,
      offsetBytes: 0,
      lengthBytes: more.cutIsEnd === true ? -1 : more.lengthBytes,
    },
  },
  ...more,
});

export function* exportTarget(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const work = streamWork(request, context, refOfVdi(request, context));
  const volume = yield* volumeOf(work.self, work);
  const content = contentOf(request, volume.doc);
  if (request.query['base'] !== undefined) notServed('differences between two images');
  yield* refuseInUse(volume, 'copy', work);
  const isRaw = volume.doc.format === 'raw' || volume.doc.format === 'iso';
  const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-cache, no-store' };
  // Of other formats the host does not tell how long the file is: it is sent to its end.
  const lengthBytes = isRaw ? volume.doc.capacityBytes : -1;
  return native(
    volume,
    { direction: 'download', headers, lengthBytes, touches: [], ...content },
    request.query['task_id'] !== undefined,
  );
}

/** A VHD of a disk is longer than the disk by its bitmaps and its table: surely not by more than this and the disk again. */
const FRAME_BYTES = 64 * 1024 * 1024;

const SECTOR_BYTES = 512;

const resultOf = (vdi: string): string => encodeXml({ kind: 'ref', class: 'VDI' }, vdi);

const nothing: StreamTarget = { kind: 'bytes', status: 200, headers: {}, bytes: new Uint8Array() };

/** By reference, or by uuid, which is the host's own. */
const refOfSr = ({ query }: StreamRequest, { front, store }: BrokerContext): string => {
  const given = query['sr_id'] ?? '';
  const entry = store.list('storage', front.host).find(({ uuid }) => uuid === given);
  return entry === undefined ? given : refOf(xenId('SR', entry.id), front);
};

/** Who names an SR and no VDI wants a new one, as large as the image; only a raw one says with its length how large that is. */
function* newVdi(request: StreamRequest, context: BrokerContext): Brokered<string> {
  const sr = refOfSr(request, context);
  const work = streamWork(request, context, sr);
  const storage = yield* storageOf(sr, work);
  const { lengthBytes = 0 } = request;
  if ((request.query['format'] ?? 'raw') !== 'raw' || lengthBytes < 1 || lengthBytes > storage.doc.capacityBytes)
    notServed('a new VDI for an image of unknown size');
  const job = yield* run(work, 'volume.create', storage.id, {
    storage: storage.id,
    name: newVolumeName(context, 'import', DISK_FORMAT),
    capacityBytes: Math.ceil(lengthBytes / SECTOR_BYTES) * SECTOR_BYTES,
    format: DISK_FORMAT,
    thin: true,
  });
  const vdi = madeRef(job.result, context);
  const task = request.query['task_id'] ?? '';
  // Where the client looks for it when the transfer is over.
  if (ownObject(context, task)?.cls === 'task') putOwnObject(context, task, { result: resultOf(vdi) });
  return vdi;
}

export function* importTarget(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const isNew = request.query['vdi'] === undefined && request.query['sr_id'] !== undefined;
  if (isNew && request.lengthBytes === 0) return nothing;
  const vdi = isNew ? yield* newVdi(request, context) : refOfVdi(request, context);
  const work = streamWork(request, context, vdi);
  const volume = yield* volumeOf(work.self, work);
  const content = contentOf(request, volume.doc);
  yield* refuseInUse(volume, 'update', work);
  // Clients first ask with an empty body whether they are at the right host.
  if (request.lengthBytes === 0) return nothing;
  const { capacityBytes } = volume.doc;
  const announced = request.lengthBytes ?? Number.POSITIVE_INFINITY;
  // Who does not know the length announces one beyond every disk and closes after the last byte.
  const cutIsEnd = announced > (content.content?.client === 'vhd' ? 2 * capacityBytes + FRAME_BYTES : capacityBytes);
  return native(
    volume,
    {
      direction: 'upload',
      headers: {},
      lengthBytes: cutIsEnd ? capacityBytes : announced,
      answersFirst: true,
      cutIsEnd,
      touches: [{ kind: 'volume', native: volume.entry.native }],
      ...content,
    },
    request.query['task_id'] !== undefined,
  );
}

/** The task that the client made for its transfer ends with it. */
export const endTask = (request: StreamRequest, outcome: Outcome, context: BrokerContext): void => {
  const ref = request.query['task_id'] ?? '';
  const task = ownObject(context, ref);
  if (task?.cls !== 'task' || (task.fields['status'] ?? 'pending') !== 'pending') return;
  const { front } = context;
  const over = { finished: dateTime(context.now()), progress: 1, allowed_operations: [] };
  if (outcome.ok) {
    const known = String(task.fields['result'] ?? '');
    const result = request.method === 'PUT' ? known || resultOf(refOfVdi(request, context)) : '';
    putOwnObject(context, ref, { ...over, status: 'success', result });
    return;
  }
  const work = streamWork(request, context, refOfVdi(request, context));
  const { code, params } = xenError(outcome.fault, { front, call: work.call });
  putOwnObject(context, ref, { ...over, status: 'failure', result: '', error_info: [code, ...params] });
};
