/** SR.create, probe, scan, forget and destroy in, storage verbs of the hub out. */
import type { Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import { escapeText } from '../../wire/xml.ts';
import { refOf, uuidOf, xenId } from '../ids.ts';
import { dropOwnFields, writeOwn } from '../own-data.ts';
import type { Default } from '../types.ts';
import { refuse } from './refusal.ts';
import { documents, type Found, hostOf, storageOf } from './targets.ts';
import { type Answer, type Ending, ended, last, madeRef, mapArg, run, textArg, type Work } from './work.ts';

const isAbsolute = (path: string): boolean =>
  path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0');

interface Place {
  readonly path: string;
  readonly remoteHost?: string;
  readonly remotePath?: string;
}

const given = (config: Readonly<Record<string, string>>, ...keys: readonly string[]): string => {
  for (const key of keys) if (config[key] !== undefined && config[key] !== '') return config[key];
  return refuse('SR_BACKEND_FAILURE_90', '', `The request is missing the ${keys[0]} parameter`, '');
};

/** Where the storage lies, from the configuration that clients give each type. */
const placeOf = (type: string, config: Readonly<Record<string, string>>, work: Work): Place => {
  switch (type) {
    case 'file':
    case 'ext':
    case 'iso': {
      const path = given(config, 'location', 'path', 'device');
      return isAbsolute(path) ? { path } : refuse('INVALID_VALUE', 'device_config:location', path);
    }
    case 'nfs': {
      const [remoteHost, remotePath] = [given(config, 'server'), given(config, 'serverpath')];
      if (!/^[A-Za-z0-9._:-]{1,255}$/.test(remoteHost)) refuse('INVALID_VALUE', 'device_config:server', remoteHost);
      if (!isAbsolute(remotePath)) refuse('INVALID_VALUE', 'device_config:serverpath', remotePath);
      return { path: `/run/sr-mount/${randomUuid(work.context)}`, remoteHost, remotePath };
    }
    default:
      return refuse('SR_UNKNOWN_DRIVER', type);
  }
};

function* createSr(work: Work): Brokered<Ending> {
  const { context, args } = work;
  yield* hostOf(textArg(work, 'host'), work);
  const place = placeOf(textArg(work, 'type').toLowerCase(), mapArg(work, 'device_config'), work);
  const job = yield* run(work, 'storage.create', context.front.host, { name: textArg(work, 'name_label'), ...place });
  const ref = madeRef(job.result, context);
  for (const field of ['name_description', 'content_type', 'sm_config']) {
    const value = args[field] as Default | undefined;
    if (value !== undefined && value !== '' && Object.keys(Object(value)).length > 0)
      writeOwn(context, ref, field, value);
  }
  return ended(ref);
}

function* scanSr(work: Work): Brokered<Ending> {
  const sr = yield* storageOf(work.self, work);
  // What is not plugged in cannot be looked at.
  if (!sr.doc.accessible) return refuse('SR_NO_PBDS', sr.ref);
  return last(work, 'storage.refresh', sr.id, {});
}

const mustBeUnplugged = (sr: Found<'storage'>): void => {
  if (sr.doc.accessible) refuse('SR_HAS_PBD', sr.ref);
};

/** Its contents stay where they are: the host only knows of them no longer. */
function* forgetSr(work: Work): Brokered<Ending> {
  const sr = yield* storageOf(work.self, work);
  mustBeUnplugged(sr);
  yield* run(work, 'storage.delete', sr.id, {});
  for (const cls of ['SR', 'PBD']) dropOwnFields(work.context, refOf(xenId(cls, sr.id), work.context.front));
  return ended();
}

/** What lies at that place of what the host knows: any other folder holds no SR, and can become one. */
function* probeSr(work: Work): Brokered<Ending> {
  yield* hostOf(textArg(work, 'host'), work);
  const place = placeOf(textArg(work, 'type').toLowerCase(), mapArg(work, 'device_config'), work);
  const { store, front } = work.context;
  const there = (yield* documents('storage', store.list('storage', front.host), work)).filter(({ doc }) =>
    place.remoteHost === undefined
      ? doc.remoteHost === undefined && doc.path.replace(/\/+$/, '') === place.path.replace(/\/+$/, '')
      : doc.remoteHost === place.remoteHost && doc.remotePath === place.remotePath,
  );
  const found = there.map(({ id, doc }) => {
    const size = `<size>${doc.capacityBytes}</size><name_label>${escapeText(doc.name)}</name_label>`;
    return `<SR>${size}<name_description/><UUID>${uuidOf(xenId('SR', id), front)}</UUID></SR>`;
  });
  return ended(`<?xml version="1.0"?>\n<SRlist>${found.join('')}</SRlist>\n`);
}

export const SR: Readonly<Record<string, Answer>> = {
  'SR.create': createSr,
  'SR.scan': scanSr,
  'SR.update': scanSr,
  'SR.probe': probeSr,
  'SR.forget': forgetSr,
  'SR.destroy': forgetSr,
};
