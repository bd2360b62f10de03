/** A VM's screen in, a PNG out: as an answer to `/screen`, or as a file beside the VM's own. */
import type { Call } from '../../generic/call.ts';
import { done } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { toPng } from '../datastore/png.ts';
import {
  type Datastores,
  datastores,
  directoryOf,
  nodeAt,
  type Place,
  putOwn,
  shownPath,
  treeNamed,
} from '../datastore/tree.ts';
import { escapeName, parseDatastorePath } from '../names.ts';
import { vmPathOf } from '../render/vm-input.ts';
import { ask, settle } from './effects.ts';
import { type Found, targetOf } from './inventory.ts';
import { Refusal, refuse } from './refusal.ts';
import { fileBaseOf, freeName } from './vm-names.ts';

/** Pictures kept in own data are bounded: one screen of any guest fits. */
const MAX_PICTURE_BYTES = 8 * 1024 * 1024;

export function* screenOf(vm: Found<'vm'>): Brokered<Uint8Array> {
  if (vm.doc.powerState !== 'running' && vm.doc.powerState !== 'paused')
    refuse('wrong-state', { requested: 'running', existing: vm.doc.powerState });
  const { bytes } = (yield* ask(vm.entry.host, 'screenshot', { vm: vm.entry.native, screen: 0 })) as {
    bytes: Uint8Array;
  };
  const png = toPng(bytes);
  if (!png.ok) throw new Refusal(png.fault, false);
  return png.value;
}

const pictureOf = (vm: Found<'vm'>, all: Datastores): Place => {
  const at = parseDatastorePath(
    vmPathOf(
      vm.doc,
      all.trees.map(({ storage }) => storage.doc),
    ),
  );
  const tree = treeNamed(all, at?.datastore ?? '');
  const directory = directoryOf(at?.path ?? '');
  const prefix = directory === '' ? '' : `${directory}/`;
  const base = `${escapeName(fileBaseOf(vm.doc.name))}-screenshot`;
  const name = freeName(base, (one) => nodeAt({ tree, path: `${prefix}${one}.png` }) !== undefined);
  return { tree, path: `${prefix}${name}.png` };
};

export function* createScreenshot(call: Call, context: BrokerContext): Brokered {
  const vm = yield* targetOf('vm', call, context);
  const png = yield* screenOf(vm);
  if (png.length > MAX_PICTURE_BYTES) refuse('no-disk-space', { storage: 'own' });
  const place = pictureOf(vm, yield* datastores(context));
  const file = { kind: 'file', base64: Buffer.from(png).toString('base64'), modifiedMs: context.now() } as const;
  putOwn(context.own, place.tree.storage.id, place.path, file);
  return yield* settle(call, vm.id, done(shownPath(place)));
}
