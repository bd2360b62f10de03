/** Steps of plans: a method of the API by its name, or one of the few that are more than a method; what the host told of them out. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { isMoRef } from '../values.ts';
import { networkNative } from './estate.ts';
import { refIn, textIn } from './properties.ts';
import { ask, retrieveAll } from './reading.ts';
import { type Args, contentRef } from './soap-call.ts';

type Told = Outcome<Record<string, unknown>>;

/*
 * Beside the API's methods, whose arguments are in `args` with the object in `_this`:
 * - vm.find {uuid}: { vm } the moid of the VM that has the UUID
 * - network.find {name}: { network } the native name of the network of that name
 * - directory.ensure {name, datacenter}: there is the directory, with those above it
 */
const findVm = async (send: DriverSend, args: Args): Promise<Told> => {
  const search = { uuid: String(args['uuid']), vmSearch: true, instanceUuid: false };
  const found = await ask(send, 'FindByUuid', contentRef('SearchIndex', 'searchIndex'), search, 'work');
  if (!found.ok) return found;
  const ref = refIn(found.value[0]);
  return ref === undefined
    ? refused(fault('not-found', {}, `There is no virtual machine with the UUID ${search.uuid}.`))
    : done({ vm: ref.value });
};

const findNetwork = async (send: DriverSend, args: Args): Promise<Told> => {
  for await (const page of retrieveAll(send, { Network: ['name'] }))
    for (const told of page)
      if (textIn(told, 'name') === args['name']) return done({ network: networkNative(told.ref) });
  return refused(fault('not-found', {}, `There is no network ${String(args['name'])}.`));
};

const ensureDirectory = async (send: DriverSend, args: Args): Promise<Told> => {
  const made = await ask(
    send,
    'MakeDirectory',
    contentRef('FileManager', 'fileManager'),
    { ...args, createParentDirectories: true },
    'work',
  );
  return made.ok || made.fault.kind === 'file-exists' ? done({}) : made;
};

const OWN: Readonly<Record<string, (send: DriverSend, args: Args) => Promise<Told>>> = {
  'vm.find': findVm,
  'network.find': findNetwork,
  'directory.ensure': ensureDirectory,
};

/** `result` is the reference or text that the method or its task tells. */
export const runStep = async (send: DriverSend, { procedure, args }: NativeCall): Promise<Told> => {
  const own = OWN[procedure];
  if (own) return own(send, args);
  const { _this: target, ...rest } = args;
  if (!isMoRef(target)) throw new Error(`${procedure} on nothing`);
  const outcome = await ask(send, procedure, target, rest, 'work');
  if (!outcome.ok) return outcome;
  const [first] = outcome.value;
  return done(first === undefined ? {} : { result: first.text.trim() });
};
