/** Calls on HostDatastoreSystem, HostStorageSystem and HostAutoStartManager in, `storage.*` and autostart commands out. */
import type { Call } from '../../generic/call.ts';
import { command } from '../../generic/commands.ts';
import { type HubId, parseHubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { hubIdOf, refOf } from '../ids.ts';
import { escapeName } from '../names.ts';
import { type DataObject, isMoRef } from '../values.ts';
import { run, value } from './effects.ts';
import { isNamed, objectOf, storages } from './inventory.ts';
import { invalidArgument, refuse, refuseDirectly } from './refusal.ts';
import { nameOf } from './vm-names.ts';

const madeStorage = (job: Job): HubId => {
  const id = typeof job.result === 'string' ? parseHubId(job.result) : undefined;
  return id ?? refuse('internal', {}, 'The new datastore did not appear.');
};

function* createStorage(
  call: Call,
  context: BrokerContext,
  wanted: { name: string; path: string; remoteHost?: string; remotePath?: string },
): Brokered {
  const name = nameOf(wanted.name);
  if ((yield* storages(context)).some(({ doc }) => isNamed(doc, name)))
    refuse('duplicate-name', { name: escapeName(name) });
  const job = yield* run(call, command('storage.create', context.front.host, context.front.host, { ...wanted, name }));
  return value(refOf(madeStorage(job)));
}

const isAbsolute = (path: string): boolean =>
  path.startsWith('/') && !path.split('/').includes('..') && !path.includes('\0');

export function* createLocalDatastore(call: Call, context: BrokerContext): Brokered {
  const { name, path } = call.args as { name: string; path: string };
  if (!isAbsolute(path)) invalidArgument('path');
  return yield* createStorage(call, context, { name, path });
}

export function* createNasDatastore(call: Call, context: BrokerContext): Brokered {
  const spec = call.args['spec'] as DataObject;
  const remoteHost = (spec['remoteHost'] as string | undefined) ?? '';
  const remotePath = (spec['remotePath'] as string | undefined) ?? '';
  if (!/^[A-Za-z0-9._:-]{1,255}$/.test(remoteHost)) invalidArgument('spec.remoteHost');
  if (!isAbsolute(remotePath)) invalidArgument('spec.remotePath');
  return yield* createStorage(call, context, { name: spec['localPath'] as string, path: '', remoteHost, remotePath });
}

export function* removeDatastore(call: Call, context: BrokerContext): Brokered {
  const arg = call.args['datastore'];
  if (!isMoRef(arg)) return invalidArgument('datastore');
  const storage = yield* objectOf('storage', arg, context);
  if (context.store.edges(storage.id, 'vm').length > 0) refuse('busy', { object: storage.id });
  yield* run(call, command('storage.delete', storage.entry.host, storage.id, {}));
  return value();
}

/** Adapters and file systems are the host's; what a scan may find is volumes. */
export function* rescan(call: Call, context: BrokerContext): Brokered {
  for (const { id, host } of context.store.list('storage', context.front.host)) {
    yield* run(call, command('storage.refresh', host, id, {}));
  }
  return value();
}

const ACTIONS = table<boolean>({ powerOn: true, none: false, None: false, systemDefault: true });

export function* reconfigureAutostart(call: Call, context: BrokerContext): Brokered {
  const spec = call.args['spec'] as DataObject;
  const wanted = ((spec['powerInfo'] as readonly DataObject[] | undefined) ?? []).map((info, n) => {
    const key = info['key'];
    const autostart = ACTIONS[String(info['startAction'])];
    if (autostart === undefined) return invalidArgument(`spec.powerInfo[${n}].startAction`);
    const id = isMoRef(key) ? hubIdOf(key) : undefined;
    const entry = id && context.store.entry(id);
    if (entry?.kind !== 'vm')
      return refuseDirectly('object-not-found', { type: 'VirtualMachine', id: isMoRef(key) ? key.value : '' });
    return { entry, autostart };
  });
  for (const { entry, autostart } of wanted)
    yield* run(call, command('vm.setAutostart', entry.host, entry.id, { autostart }));
  return value();
}
