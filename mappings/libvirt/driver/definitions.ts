/** A plan's step in, the call as the host gets it out: a definition that takes the place of another keeps the secrets of that one. */
import { done, type Outcome } from '../../generic/faults.ts';
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

/** What cannot be read is not defined over: it might lose its password. */
const kept = (args: Arguments, name: string, known: Outcome<{ xml: string }>): Outcome<Arguments> => {
  if (known.ok) return done({ ...args, [name]: withSecrets(String(args[name]), known.value.xml) });
  return isGone(known.fault.kind) ? done(args) : known;
};

export const stepArguments = async (send: DriverSend, { procedure, args }: NativeCall): Promise<Outcome<Arguments>> => {
  const whole = completeArguments(procedure, args);
  if (procedure === 'DOMAIN_DEFINE_XML_FLAGS') {
    const uuid = definedUuid(String(whole['xml']));
    if (uuid === '') return done(whole);
    const flags = XML.secure | XML.inactive;
    return kept(whole, 'xml', await ask(send, 'DOMAIN_GET_XML_DESC', { dom: domain(uuid), flags }, 'work'));
  }
  if (procedure === 'DOMAIN_SNAPSHOT_CREATE_XML' && (Number(whole['flags']) & REDEFINE) !== 0) {
    const { uuid } = whole['dom'] as { uuid: string };
    const snap = snapshot(uuid, definedSnapshot(String(whole['xml_desc'])));
    const known = await ask(send, 'DOMAIN_SNAPSHOT_GET_XML_DESC', { snap, flags: XML.secure }, 'work');
    return kept(whole, 'xml_desc', known);
  }
  return done(whole);
};
