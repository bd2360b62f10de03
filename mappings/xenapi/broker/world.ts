/** All objects of a front's host as XenAPI shows them: rendered members, jobs and own data come in, records by reference, uuid, name and class go out, with their changes. */
import { type HubId, kindOf } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { BrokerContext } from '../../generic/platform.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { CLASSES_WITH_OBJECTS } from '../commands.ts';
import { refOf, xenId } from '../ids.ts';
import { dropOwnFields, type OwnObject, ownFields, ownObject, ownObjects } from '../own-data.ts';
import { Changes } from './changes.ts';
import { isHidden, patchesOf } from './computed.ts';
import { Ends, relationsTo } from './ends.ts';
import { fieldAt, fieldText, type Item, PlainText, placesOf, recordText, scalarOf } from './item.ts';
import { operationsIn } from './operations.ts';
import { isShown, MOST_ENDED, SEEN_MS, taskFields } from './tasks.ts';
import { jsonOfRecord } from './transcode.ts';

type Named = Map<string, Map<string, Set<Item>>>;

/** Characters of records in JSON that are kept. */
const MOST_JSON = 48 * 1024 * 1024;

/** May be lost at any time: it is built anew from the store. Nothing here yields; `sync.ts` brings it up to date. */
export class World {
  /** Version of the store that all of this shows. */
  version: number;
  readonly changes: Changes;
  readonly ends = new Ends();
  /** Operations under way: by object, name by task. */
  readonly operations = new Map<string, Map<string, string>>();
  /** Hub objects that changed and could not be rendered yet. */
  readonly late = new Set<HubId>();
  readonly #items = new Map<string, Item>();
  readonly #byClass = new Map<string, Map<string, Item>>();
  readonly #byOwner = new Map<HubId, Map<string, Item>>();
  readonly #byUuid: Named = new Map();
  readonly #byName: Named = new Map();
  readonly #jobs = new Map<HubId, readonly string[]>();
  readonly #uplinks = new Map<string, string>();
  /** Objects of our own that are not shown while what they refer to is not there. */
  readonly #waiting = new Set<string>();
  #jsonLength = 0;
  /** Objects whose computed fields are looked at again before anybody reads. */
  readonly #touched = new Set<string>();

  constructor(version: number) {
    this.version = version;
    this.changes = new Changes(version, (ref) => this.#items.get(ref));
    for (const cls of CLASSES_WITH_OBJECTS) this.#byClass.set(cls, new Map());
  }

  // ---- reading ----

  /** Shown or not. */
  get size(): number {
    return this.#items.size;
  }

  find(ref: string): Item | undefined {
    return this.#items.get(ref);
  }

  /** undefined too when it is of another class or not shown. */
  get(cls: string, ref: string): Item | undefined {
    return this.#byClass.get(cls)?.get(ref);
  }

  all(cls: string): Iterable<Item> {
    return this.#byClass.get(cls)?.values() ?? [];
  }

  count(cls: string): number {
    return this.#byClass.get(cls)?.size ?? 0;
  }

  byUuid(cls: string, uuid: string): Item | undefined {
    const [found] = this.#byUuid.get(cls)?.get(uuid) ?? [];
    return found;
  }

  byName(cls: string, name: string): Iterable<Item> {
    return this.#byName.get(cls)?.get(name) ?? [];
  }

  /** Of a storage or network of the host's, not one that stands for what lies outside. */
  isOfHost(item: Item): boolean {
    return item.owner !== undefined && kindOf(item.owner) !== 'host';
  }

  networkOf(device: string): string | undefined {
    return this.#uplinks.get(device);
  }

  /** Putting a record into JSON costs more than its text: what clients list again and again is kept, within bounds. */
  jsonOf(item: Item): string {
    const { json, member, plain, patches } = item;
    if (json !== undefined && json.member === member && json.plain === plain && json.patches === patches)
      return json.text;
    const text = jsonOfRecord(item.cls, recordText(item));
    this.#jsonLength -= json?.text.length ?? 0;
    // Of what is gone, for a client in the middle of a list, nothing more is kept.
    const isKept = this.#items.get(item.ref) === item && this.#jsonLength + text.length <= MOST_JSON;
    item.json = isKept ? { member, plain, patches, text } : undefined;
    if (isKept) this.#jsonLength += text.length;
    return text;
  }

  // ---- what is shown ----

  #index(table: Named, cls: string, key: string, item: Item, isThere: boolean): void {
    const keys = table.get(cls) ?? new Map<string, Set<Item>>();
    table.set(cls, keys);
    const items = keys.get(key) ?? new Set<Item>();
    if (isThere) items.add(item);
    else items.delete(item);
    if (items.size === 0) keys.delete(key);
    else keys.set(key, items);
  }

  #show(item: Item, version: number): void {
    const shown = this.#byClass.get(item.cls);
    if (shown === undefined) return;
    const uuid = fieldText(item, 'uuid');
    const name = placesOf(item.cls).has('name_label') ? scalarOf(item, 'name_label') : '';
    const isNew = !shown.has(item.ref);
    if (isNew || uuid !== item.uuid || name !== item.name) {
      if (!isNew) {
        this.#index(this.#byUuid, item.cls, item.uuid, item, false);
        this.#index(this.#byName, item.cls, item.name, item, false);
      }
      item.uuid = uuid;
      item.name = name;
      this.#index(this.#byUuid, item.cls, uuid, item, true);
      this.#index(this.#byName, item.cls, name, item, true);
    }
    if (isNew) {
      shown.set(item.ref, item);
      item.created = version;
    }
    item.version = version;
    this.changes.changed(item);
  }

  #hide(item: Item, version: number): void {
    if (this.#byClass.get(item.cls)?.delete(item.ref) !== true) return;
    this.#index(this.#byUuid, item.cls, item.uuid, item, false);
    this.#index(this.#byName, item.cls, item.name, item, false);
    this.changes.gone({ cls: item.cls, ref: item.ref, created: item.created, version });
  }

  /** Its fields or its reasons to be shown may have changed. */
  #refresh(item: Item, version: number, context: BrokerContext, isOther: boolean): void {
    const before = item.patches;
    // Computed fields build on each other: what stood before must not be seen as rendered.
    item.patches = undefined;
    const patches = patchesOf(item, this, context);
    item.patches = patches.size === 0 ? undefined : patches;
    const differs =
      isOther ||
      (before?.size ?? 0) !== patches.size ||
      [...patches].some(([place, inner]) => before?.get(place) !== inner);
    const wasShown = this.get(item.cls, item.ref) !== undefined;
    const isShownNow = !isHidden(item, this, context);
    // Nobody refers to what is not shown, and it refers to nobody.
    const moved = isShownNow ? this.ends.put(item, (place) => fieldAt(item, place)) : this.ends.drop(item);
    for (const ref of moved) this.#touched.add(ref);
    if (item.own === undefined || isShownNow) this.#waiting.delete(item.ref);
    else this.#waiting.add(item.ref);
    if (!isShownNow) {
      this.#hide(item, version);
      // A job's task that a client destroyed: the job stays for a while, nobody looks at the task again.
      if (item.cls === 'task' && item.own === undefined) this.#drop(item);
    } else if (differs || !wasShown) this.#show(item, version);
    if (item.cls === 'SR' && (differs || wasShown !== isShownNow)) {
      this.#touchClass('pool');
      if (item.owner !== undefined) this.#touched.add(refOf(xenId('PBD', item.owner), context.front));
    }
    // What a machine does with an image, and what images a storage holds, shows in them too.
    if (isOther && (item.cls === 'VBD' || item.cls === 'VDI'))
      for (const ref of this.ends.targets(item.ref)) this.#touched.add(ref);
    // What is not plugged can be, while the machine runs.
    if (isOther && item.cls === 'VM')
      for (const field of ['VBDs', 'VIFs'])
        for (const ref of this.ends.shown('VM', item.ref, field))
          if (this.#items.get(ref)?.own !== undefined) this.#touched.add(ref);
  }

  /** Looks again at what others' changes may have changed: all of it, or so many. true: something is left. */
  settle(version: number, context: BrokerContext, most = Number.POSITIVE_INFINITY): boolean {
    let left = most;
    // What one changes may touch others, which are two relations away at most: it ends.
    for (const ref of this.#touched) {
      if (left-- <= 0) return true;
      this.#touched.delete(ref);
      const item = this.#items.get(ref);
      if (item !== undefined) this.#refresh(item, version, context, false);
    }
    return false;
  }

  touch(ref: string): void {
    this.#touched.add(ref);
  }

  /** event.inject: as if it had changed. */
  inject(item: Item, version: number): void {
    item.version = version;
    this.changes.changed(item);
  }

  #touchClass(cls: string): void {
    for (const item of this.all(cls)) this.#touched.add(item.ref);
  }

  // ---- objects come and go ----

  #make(cls: string, ref: string): Item {
    const made: Item = {
      cls,
      ref,
      owner: undefined,
      member: undefined,
      plain: undefined,
      own: undefined,
      patches: undefined,
      json: undefined,
      uuid: '',
      name: '',
      created: 0,
      version: 0,
    };
    this.#items.set(ref, made);
    for (const other of this.#waiting) this.#touched.add(other);
    return made;
  }

  #drop(item: Item): void {
    this.#items.delete(item.ref);
    this.#waiting.delete(item.ref);
    this.#jsonLength -= item.json?.text.length ?? 0;
    item.json = undefined;
  }

  /** One of the three it may be shown from is no more. */
  #left(
    item: Item,
    gone: { readonly [one in 'member' | 'plain']?: true },
    version: number,
    context: BrokerContext,
  ): void {
    const { member, plain } = item;
    if (gone.member === true) item.member = undefined;
    if (gone.plain === true) item.plain = undefined;
    if (item.member !== undefined || item.plain !== undefined) {
      this.#refresh(item, version, context, true);
      return;
    }
    for (const ref of this.ends.drop(item)) this.#touched.add(ref);
    for (const relation of relationsTo(item.cls))
      for (const ref of this.ends.sources(item.ref, relation)) this.#touched.add(ref);
    this.#hide(item, version);
    this.#drop(item);
    dropOwnFields(context, item.ref);
    if (item.cls === 'SR') this.#touchClass('pool');
    // A slow client may be in the middle of a list that has it: its last record stays as it was.
    item.member = member;
    item.plain = plain;
  }

  /** The bundle of a hub object as it is now; [] when it is gone. */
  putMembers(owner: HubId, members: readonly RenderedMember[], version: number, context: BrokerContext): void {
    const before = this.#byOwner.get(owner);
    const now = new Map<string, Item>();
    for (const member of members) {
      // Two drives of one machine may look alike to us: the first stands for both.
      if (now.has(member.id)) continue;
      const item = this.#items.get(member.id) ?? this.#make(member.type, member.id);
      now.set(member.id, item);
      if (item.member === member) continue;
      item.member = member;
      item.owner = owner;
      if (item.cls === 'network' && this.isOfHost(item)) this.#learnUplinks(owner, context);
      this.#refresh(item, version, context, true);
    }
    for (const [ref, item] of before ?? []) {
      if (now.has(ref)) continue;
      this.#left(item, { member: true }, version, context);
    }
    if (now.size === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, now);
  }

  #learnUplinks(owner: HubId, { store, front }: BrokerContext): void {
    const ref = refOf(xenId('network', owner), front);
    for (const [device, network] of this.#uplinks) if (network === ref) this.#uplinks.delete(device);
    for (const device of store.generic('network', owner)?.uplinks ?? []) this.#uplinks.set(device, ref);
    this.#touchClass('PIF');
  }

  putOwn(own: OwnObject, version: number, context: BrokerContext): void {
    const item = this.#items.get(own.ref) ?? this.#make(own.cls, own.ref);
    item.own = own;
    item.plain = new PlainText(own.cls, own.fields);
    this.#refresh(item, version, context, true);
  }

  dropOwn(ref: string, version: number, context: BrokerContext): void {
    const item = this.#items.get(ref);
    if (item?.own === undefined) return;
    item.own = undefined;
    this.#left(item, { plain: true }, version, context);
  }

  putJob(job: Job, version: number, context: BrokerContext): void {
    const { front } = context;
    if (job.host !== front.host) return;
    const ref = refOf(xenId('task', job.id), front);
    const operations = operationsIn(job, front);
    for (const other of this.#jobs.get(job.id) ?? []) {
      this.operations.get(other)?.delete(ref);
      if (this.operations.get(other)?.size === 0) this.operations.delete(other);
      this.#touched.add(other);
    }
    for (const one of operations) {
      const current = this.operations.get(one.ref) ?? new Map<string, string>();
      current.set(ref, one.name);
      this.operations.set(one.ref, current);
      this.#touched.add(one.ref);
    }
    if (operations.length === 0) this.#jobs.delete(job.id);
    else
      this.#jobs.set(
        job.id,
        operations.map((one) => one.ref),
      );
    const known = this.#items.get(ref);
    if (!isShown(job, front, context.now())) {
      if (known === undefined) return;
      this.#left(known, { plain: true }, version, context);
      return;
    }
    const item = known ?? this.#make('task', ref);
    item.owner = job.id;
    item.plain = new PlainText('task', taskFields(job, front));
    this.#refresh(item, version, context, true);
  }

  /** Ended tasks that nobody destroyed. */
  expireTasks(context: BrokerContext): void {
    const { jobs, front } = context;
    const nowMs = context.now();
    const old: Item[] = [];
    const ended: { readonly item: Item; readonly finishedMs: number }[] = [];
    for (const item of this.all('task')) {
      if (item.own !== undefined) continue;
      const job = item.owner === undefined ? undefined : jobs.get(item.owner);
      if (job === undefined || !isShown(job, front, nowMs)) old.push(item);
      else if (job.finishedMs !== undefined) ended.push({ item, finishedMs: job.finishedMs });
    }
    // The API's own server keeps two hundred that have ended; who polls has a while to see the end of any.
    const surplus = ended.sort((a, b) => a.finishedMs - b.finishedMs).slice(0, Math.max(0, ended.length - MOST_ENDED));
    for (const { item, finishedMs } of surplus) if (nowMs - finishedMs > SEEN_MS) old.push(item);
    if (old.length === 0) return;
    const version = context.nextVersion();
    for (const item of old) this.#left(item, { plain: true }, version, context);
  }

  /** Everything of our own, when the world is new: what it refers to is there by now. */
  putAllOwn(version: number, context: BrokerContext): void {
    for (const item of this.all('VDI'))
      if (ownFields(context, item.ref).has('snapshot_of')) this.#touched.add(item.ref);
    for (const own of ownObjects(context)) this.putOwn(own, version, context);
  }

  /** A field or an object of our own changed. */
  ownChanged(ref: string, version: number, context: BrokerContext): void {
    const own = ownObject(context, ref);
    if (own !== undefined) this.putOwn(own, version, context);
    else {
      this.dropOwn(ref, version, context);
      const item = this.#items.get(ref);
      // Its version moves even where the value is as it was: a client that wrote it waits for its event.
      if (item !== undefined) this.#refresh(item, version, context, true);
    }
  }
}
