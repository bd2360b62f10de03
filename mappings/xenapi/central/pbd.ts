/** PBD.create, destroy, plug and unplug in, storages of the host in use or not out: each has the one PBD of the one host. */
import type { Brokered } from '../../generic/platform.ts';
import { refOf, xenId } from '../ids.ts';
import { forget, isForgotten, remember } from '../own-data.ts';
import { currentField } from './current.ts';
import { notSupported, refuse } from './refusal.ts';
import { hostOf, storageOf, storageOfPbd } from './targets.ts';
import { type Answer, type Ending, ended, last, mapArg, recordArg, textArg, type Work } from './work.ts';

type Config = Readonly<Record<string, string>>;

const text = (config: Config): string => JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));

/** A storage lies where it was made: it is another one elsewhere. */
function* mustBeSame(ref: string, wanted: Config, work: Work): Brokered<void> {
  const config = (yield* currentField('PBD', ref, 'device_config', work)) as Config;
  if (text(config) !== text(wanted))
    notSupported('device_config', text(wanted), 'the storage lies elsewhere: make one there');
}

/** The link to the host that a client took away comes back; a storage of the host has no second one. */
function* createPbd(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const { context } = work;
  const host = yield* hostOf(textArg(record, 'host'), work);
  const sr = yield* storageOf(textArg(record, 'SR'), work);
  const ref = refOf(xenId('PBD', sr.id), context.front);
  if (!isForgotten(context, ref) || sr.doc.accessible) return refuse('PBD_EXISTS', sr.ref, host.ref, ref);
  const wanted = mapArg(record, 'device_config');
  if (Object.keys(wanted).length > 0) yield* mustBeSame(ref, wanted, work);
  remember(context, ref);
  return ended(ref);
}

function* destroyPbd(work: Work): Brokered<Ending> {
  const { doc, ref } = yield* storageOfPbd(work.self, work);
  if (doc.accessible) return refuse('OPERATION_NOT_ALLOWED', 'PBD is currently attached');
  forget(work.context, ref);
  return ended();
}

function* setDeviceConfig(work: Work): Brokered<Ending> {
  const { ref } = yield* storageOfPbd(work.self, work);
  yield* mustBeSame(ref, mapArg(work, 'value'), work);
  return ended();
}

function* plugPbd(work: Work): Brokered<Ending> {
  const { id, doc } = yield* storageOfPbd(work.self, work);
  return doc.accessible ? ended() : last(work, 'storage.activate', id, {});
}

function* unplugPbd(work: Work): Brokered<Ending> {
  const { id, doc } = yield* storageOfPbd(work.self, work);
  if (!doc.accessible) return ended();
  return last(work, 'storage.deactivate', id, {});
}

export const PBD: Readonly<Record<string, Answer>> = {
  'PBD.create': createPbd,
  'PBD.destroy': destroyPbd,
  'PBD.set_device_config': setDeviceConfig,
  'PBD.plug': plugPbd,
  'PBD.unplug': unplugPbd,
};
