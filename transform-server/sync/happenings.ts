/** Events of the hub: a host's hint and the object before and after come in, the event's kind and words go out. */
import type { Verb } from '../../mappings/generic/commands.ts';
import type { EventKind } from '../../mappings/generic/jobs.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';

/** Words for people. Every kind is here, so that a driver's hint can be checked against it. */
const WORDS: Readonly<Record<EventKind, string>> = {
  'vm.created': 'was created',
  'vm.changed': 'was reconfigured',
  'vm.renamed': 'was renamed',
  'vm.deleted': 'was deleted',
  'vm.started': 'was started',
  'vm.stopped': 'was stopped',
  'vm.suspended': 'was suspended',
  'vm.resumed': 'was resumed',
  'vm.reset': 'was reset',
  'vm.crashed': 'crashed',
  'vm.paused': 'was paused',
  'vm.guestShutdown': 'was shut down by its guest',
  'vm.guestReboot': 'was rebooted by its guest',
  'vm.registered': 'was registered',
  'vm.unregistered': 'was unregistered',
  'snapshot.created': 'has a new snapshot',
  'snapshot.reverted': 'was reverted to a snapshot',
  'snapshot.deleted': 'lost a snapshot',
  'storage.added': 'was added',
  'storage.removed': 'was removed',
  'network.added': 'was added',
  'network.removed': 'was removed',
  'host.connected': 'is connected',
  'host.disconnected': 'is disconnected',
  'session.login': 'logged in',
  'session.logout': 'logged out',
  'session.loginFailed': 'failed to log in',
  'job.started': 'started',
  'job.failed': 'failed',
  'user.message': 'was noted',
};

const isEventKind = (hint: string): hint is EventKind => Object.hasOwn(WORDS, hint);

export const wordsOf = (kind: EventKind, name: string): string => `${name} ${WORDS[kind]}`;

const ADDED: Partial<Record<DocumentKind, EventKind>> = {
  vm: 'vm.created',
  storage: 'storage.added',
  network: 'network.added',
};
const GONE: Partial<Record<DocumentKind, EventKind>> = {
  vm: 'vm.deleted',
  storage: 'storage.removed',
  network: 'network.removed',
};

/** What happened to an object that came, changed or went; undefined: nothing worth an event. */
export const happeningOf = (happening: {
  kind: DocumentKind;
  change: 'added' | 'changed' | 'gone';
  hint?: string | undefined;
  nameBefore?: string | undefined;
  name: string;
}): EventKind | undefined => {
  const { kind, change, hint, nameBefore, name } = happening;
  if (hint !== undefined && isEventKind(hint)) return hint;
  if (change === 'added') return ADDED[kind];
  if (change === 'gone') return GONE[kind];
  if (kind !== 'vm') return undefined;
  return nameBefore !== undefined && nameBefore !== name ? 'vm.renamed' : undefined;
};

/** Kinds that leave the object in a state: told twice in a row they are one happening. */
const STATES: ReadonlySet<EventKind> = new Set([
  'vm.created',
  'vm.deleted',
  'vm.renamed',
  'vm.started',
  'vm.stopped',
  'vm.suspended',
  'vm.resumed',
  'vm.paused',
  'vm.crashed',
  'snapshot.created',
  'snapshot.reverted',
  'snapshot.deleted',
  'storage.added',
  'storage.removed',
  'network.added',
  'network.removed',
] satisfies EventKind[]);
export const isState = (kind: EventKind): boolean => STATES.has(kind);

/** What a verb of ours makes happen to its VM. */
const BY_VERB: Partial<Record<Verb, EventKind>> = {
  'vm.start': 'vm.started',
  'vm.stop': 'vm.stopped',
  'vm.shutdownGuest': 'vm.stopped',
  'vm.reset': 'vm.reset',
  'vm.suspend': 'vm.suspended',
  'vm.pause': 'vm.paused',
  'vm.resume': 'vm.resumed',
  'vm.rename': 'vm.renamed',
  'vm.change': 'vm.changed',
  'vm.create': 'vm.created',
  'vm.clone': 'vm.created',
  'vm.delete': 'vm.deleted',
  'snapshot.create': 'snapshot.created',
  'snapshot.revert': 'snapshot.reverted',
  'snapshot.delete': 'snapshot.deleted',
  'snapshot.deleteAll': 'snapshot.deleted',
};

/** For what no host announces: the re-read after the command is the happening. */
export const kindOfVerb = (verb: string | undefined, kind: DocumentKind): EventKind | undefined =>
  kind === 'vm' && verb !== undefined ? BY_VERB[verb as Verb] : undefined;

/** Whether a verb of ours explains what the host hints at. */
export const explains = (verb: string, kind: EventKind): boolean => BY_VERB[verb as Verb] === kind;
