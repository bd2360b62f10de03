/** SR.create, introduce, probe, scan, forget and destroy in, storage verbs of the hub out. */
import type { Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import { escapeText } from '../../wire/xml.ts';
import { refOf, xenId } from '../ids.ts';
import { dropOwnFields, forget } from '../own-data.ts';
import { currentField } from './current.ts';
import { dropped, type Follower, type Given, givenIn, givenTo, made, writeGiven } from './follow-ups.ts';
import { allPutAway, backAgain, type PutAway, placeKept, putAway, takenBack } from './put-away.ts';
import { notSupported, refuse } from './refusal.ts';
import { documents, type Found, hostOf, idOf, storageOf } from './targets.ts';
import { type Answer, type Ending, ended, last, madeRef, mapArg, run, textArg, type Work } from './work.ts';

const KEPT = ['name_description', 'content_type', 'sm_config'] as const;

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
  yield* hostOf(textArg(work, 'host'), work);
  const place = placeOf(textArg(work, 'type').toLowerCase(), mapArg(work, 'device_config'), work);
  const params = { name: textArg(work, 'name_label'), ...place };
  return last(work, 'storage.create', work.context.front.host, params, givenTo(givenIn(work, KEPT)));
}

function* uuidOfSr(ref: string, work: Work): Brokered<string> {
  return String(yield* currentField('SR', ref, 'uuid', work));
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

const deletes = (remains: boolean): Answer =>
  function* (work: Work): Brokered<Ending> {
    const sr = yield* storageOf(work.self, work);
    mustBeUnplugged(sr);
    const refs = ['SR', 'PBD'].map((cls) => refOf(xenId(cls, sr.id), work.context.front));
    if (!remains) return last(work, 'storage.delete', sr.id, {}, dropped(refs));
    const args = { uuid: yield* uuidOfSr(sr.ref, work), at: placeKept(sr.doc), refs };
    return last(work, 'storage.delete', sr.id, {}, { name: 'SR.forgotten', args });
  };

/** Where a forgotten one lies is kept here, for who wants it back: its contents stay. */
// biome-ignore lint/correctness/useYield: a follow-up like the others
function* forgotten({ args, context }: Work, outcome: Outcome): Brokered<void> {
  made(outcome);
  putAway(context, String(args['uuid']), args['at'] as PutAway);
  for (const ref of args['refs'] as readonly string[]) dropOwnFields(context, ref);
}

const samePlace = (place: Place, at: Omit<PutAway, 'name'>): boolean =>
  place.remoteHost === undefined
    ? at.remoteHost === undefined && at.path.replace(/\/+$/, '') === place.path.replace(/\/+$/, '')
    : at.remoteHost === place.remoteHost && at.remotePath === place.remotePath;

const srElement = (uuid: string, name: string, size: number): string =>
  `<SR><size>${size}</size><name_label>${escapeText(name)}</name_label><name_description/><UUID>${uuid}</UUID></SR>`;

/** What lies at that place of what is known, or was put away: any other folder holds no SR, and can become one. */
function* probeSr(work: Work): Brokered<Ending> {
  yield* hostOf(textArg(work, 'host'), work);
  const place = placeOf(textArg(work, 'type').toLowerCase(), mapArg(work, 'device_config'), work);
  const { context } = work;
  const { store, front } = context;
  const found: string[] = [];
  for (const { id, doc } of yield* documents('storage', store.list('storage', front.host), work))
    if (samePlace(place, doc))
      found.push(srElement(yield* uuidOfSr(refOf(xenId('SR', id), front), work), doc.name, doc.capacityBytes));
  for (const { uuid, at } of allPutAway(context)) if (samePlace(place, at)) found.push(srElement(uuid, at.name, 0));
  return ended(`<?xml version="1.0"?>\n<SRlist>${found.join('')}</SRlist>\n`);
}

/** One that was put away comes back, out of use and without a PBD. Of any other nobody knows where it would lie. */
function* introduceSr(work: Work): Brokered<Ending> {
  const { context } = work;
  const { store, front } = context;
  const uuid = textArg(work, 'uuid').toLowerCase();
  for (const { id } of store.list('storage', front.host))
    if ((yield* uuidOfSr(refOf(xenId('SR', id), front), work)) === uuid) refuse('SR_UUID_EXISTS', uuid);
  const at = takenBack(context, uuid);
  if (at === undefined) return notSupported('uuid', uuid, 'only an SR that was forgotten here can be introduced');
  const name = textArg(work, 'name_label') || at.name;
  const args = { uuid, given: givenIn(work, KEPT) };
  return last(work, 'storage.create', front.host, { ...at, name, uuid }, { name: 'SR.introduced', args });
}

function* introduced(work: Work, outcome: Outcome): Brokered<string> {
  const { args, context } = work;
  const ref = madeRef(made(outcome), context);
  const { owner } = idOf('SR', ref, work);
  if (context.store.generic('storage', owner)?.accessible !== false) yield* run(work, 'storage.deactivate', owner, {});
  forget(context, refOf(xenId('PBD', owner), context.front));
  backAgain(context, String(args['uuid']));
  writeGiven(ref, args['given'] as Given, work);
  return ref;
}

export const SR_FOLLOWERS: Readonly<Record<string, Follower>> = {
  'SR.forgotten': forgotten,
  'SR.introduced': introduced,
};

export const SR: Readonly<Record<string, Answer>> = {
  'SR.create': createSr,
  'SR.scan': scanSr,
  'SR.update': scanSr,
  'SR.probe': probeSr,
  'SR.introduce': introduceSr,
  'SR.forget': deletes(true),
  'SR.destroy': deletes(false),
};
