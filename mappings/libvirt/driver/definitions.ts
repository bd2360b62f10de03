/** A plan's step in, the call as the host gets it out: a definition that takes the place of another keeps the secrets of that one. */
import { createHash } from 'node:crypto';
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { definedSnapshot, definedUuid, withSecrets } from '../secrets.ts';
import { completeArguments, domain, snapshot } from './arguments.ts';
import { ask } from './conversation.ts';

/** virDomainXMLFlags, virDomainSnapshotXMLFlags */
const XML = { secure: 1, inactive: 2 } as const;
/** virDomainSnapshotCreateFlags */
const REDEFINE = 1;

const isGone = (kind: string): boolean => kind === 'object-not-found' || kind === 'not-found';

type Arguments = Record<string, unknown>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** `over`: the hash of the definition that the new one was made from. Secrets apart it must still be there: it is another's work otherwise. */
const isOver = async (send: DriverSend, uuid: string, over: string, known: string): Promise<boolean> => {
  if (sha256(known) === over) return true;
  const told = await ask(send, 'DOMAIN_GET_XML_DESC', { dom: domain(uuid), flags: XML.inactive }, 'work');
  return !told.ok || sha256(told.value.xml) === over;
};

/** What cannot be read is not defined over: it might lose its password. */
const kept = (args: Arguments, name: string, known: Outcome<{ xml: string }>): Outcome<Arguments> => {
  if (known.ok) return done({ ...args, [name]: withSecrets(String(args[name]), known.value.xml) });
  return isGone(known.fault.kind) ? done(args) : known;
};

export const stepArguments = async (send: DriverSend, { procedure, args }: NativeCall): Promise<Outcome<Arguments>> => {
  const { over, ...own } = args;
  const whole = completeArguments(procedure, own);
  if (procedure === 'DOMAIN_DEFINE_XML_FLAGS') {
    const uuid = definedUuid(String(whole['xml']));
    if (uuid === '') return done(whole);
    const flags = XML.secure | XML.inactive;
    const known = await ask(send, 'DOMAIN_GET_XML_DESC', { dom: domain(uuid), flags }, 'work');
    if (known.ok && typeof over === 'string' && !(await isOver(send, uuid, over, known.value.xml)))
      return refused(fault('concurrent-access', {}, 'The definition was changed on the host meanwhile.'));
    return kept(whole, 'xml', known);
  }
  if (procedure === 'DOMAIN_SNAPSHOT_CREATE_XML' && (Number(whole['flags']) & REDEFINE) !== 0) {
    const { uuid } = whole['dom'] as { uuid: string };
    const snap = snapshot(uuid, definedSnapshot(String(whole['xml_desc'])));
    const known = await ask(send, 'DOMAIN_SNAPSHOT_GET_XML_DESC', { snap, flags: XML.secure }, 'work');
    return kept(whole, 'xml_desc', known);
  }
  return done(whole);
};
