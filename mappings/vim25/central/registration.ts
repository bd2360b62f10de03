/** RegisterVM_Task in, `vm.create` over disks that are there out: from a file kept at UnregisterVM, or one that a client uploaded. */
import type { Call } from '../../generic/call.ts';
import { command } from '../../generic/commands.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { randomUuid } from '../../generic/uuid.ts';
import { datastores, existing, type Place, placeOf, shownPath } from '../datastore/tree.ts';
import { MAX_VMX_BYTES, parseVmx } from '../datastore/vmx-entries.ts';
import { vmOfVmx } from '../datastore/vmx-parse.ts';
import { checkPlacement, placed, refuseDuplicate } from './create.ts';
import { ask, start } from './effects.ts';
import { isNamed, networks } from './inventory.ts';
import { macMinter } from './minting.ts';
import { Refusal, refuse } from './refusal.ts';
import { nameOf } from './vm-names.ts';

function* fileBytes(place: Place, context: BrokerContext): Brokered<Uint8Array> {
  const node = existing(place);
  switch (node.kind) {
    case 'own':
      return node.bytes;
    case 'volume': {
      const args = { volume: node.volume.native, offsetBytes: 0, lengthBytes: MAX_VMX_BYTES + 1 };
      const { bytes } = (yield* ask(context.front.host, 'volume.read', args)) as { bytes: Uint8Array };
      return bytes;
    }
    case 'vmx':
      return refuse('already-exists', { name: shownPath(place) });
    case 'directory':
      return refuse('file-not-found', { path: shownPath(place) });
    default:
      return node satisfies never;
  }
}

export function* registerVm(call: Call, context: BrokerContext): Brokered {
  const { path, name, asTemplate, pool, host } = call.args as {
    path: string;
    name?: string;
    asTemplate: boolean;
    pool?: unknown;
    host?: unknown;
  };
  const placement = checkPlacement(pool, host, context);
  const all = yield* datastores(context);
  const place = placeOf(all, path);
  const entries = parseVmx(yield* fileBytes(place, context));
  if (!entries.ok) throw new Refusal(entries.fault, false);
  const parsed = vmOfVmx(entries.value, {
    all,
    place,
    newUuid: () => randomUuid(context),
    newMac: macMinter(context, all.vms),
  });
  if (!parsed.ok) throw new Refusal(parsed.fault, false);
  const known = yield* networks(context);
  const nics = parsed.value.nics.map((nic) => {
    const network = known.find(({ doc }) => isNamed(doc, nic.networkName));
    return network ? { ...nic, network: network.id, networkName: network.doc.name } : nic;
  });
  const written = name === undefined || name === '' ? parsed.value.name : name;
  const vm = { ...parsed.value, name: nameOf(written), nics, template: asTemplate };
  refuseDuplicate(vm.name, all);
  // A copy of a machine that is there keeps its files and gets an identity of its own.
  if (all.vms.some(({ doc }) => doc.uuid.toLowerCase() === vm.uuid)) {
    vm.uuid = randomUuid(context);
    delete vm.instanceUuid;
  }
  const { disks, ...rest } = vm;
  return yield* start(
    call,
    command('vm.create', context.front.host, context.front.host, {
      vm: placed({ ...rest, disks: [] }, placement, context),
      disks,
      anyUuid: true,
    }),
  );
}
