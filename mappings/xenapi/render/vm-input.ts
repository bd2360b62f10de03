/** A generic VM and its joins to the input of `from-generic/vm.xsl`: `<in>`, the generic document, and `<x>` with all that the sheet may not compute. */
import { formatDocument } from '../../generic/documents.ts';
import type { Snapshot, Vm } from '../../generic/model.ts';
import type { FrontInstance, Joins } from '../../generic/platform.ts';
import { element } from '../../wire/markup.ts';
import { urlOf } from '../address.ts';
import { NULL_REF, refOf, uuidOf, type XenId, xenId } from '../ids.ts';
import { allowedOperations, type Standing, type XenPowerState } from '../lifecycle.ts';
import { limitsOf } from '../memory-limits.ts';
import { cardsOf } from '../seats.ts';
import { xenPowerState } from '../states.ts';
import { attributeMap, attributeSet, attributeText } from '../vm-attributes.ts';
import { bootParams, platformOf } from './hardware.ts';
import { entries, timeOrNever } from './markup.ts';
import { cardsInput, drivesInput, snapshotDrives } from './vm-drives.ts';

/** Guests of this kind obey ACPI: the features that clients ask for before they offer a shutdown are there without an agent. */
const GUEST_FEATURES = {
  'feature-poweroff': '1',
  'feature-reboot': '1',
  'feature-shutdown': '1',
  'feature-suspend': '1',
} as const;

const systemOf = (vm: Vm): Record<string, string> => {
  const { osName } = vm.guest;
  if (osName === undefined || osName === '') return {};
  const major = /\d+/.exec(osName)?.[0];
  return { name: osName, distro: vm.osId, ...(major === undefined ? {} : { major }) };
};

const addressesOf = (vm: Vm): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const { device, nic } of cardsOf(vm)) {
    let four = 0;
    let six = 0;
    for (const { mac, address } of vm.guest.addresses) {
      if (mac.toLowerCase() !== nic.mac.toLowerCase()) continue;
      if (address.includes(':')) found[`${device}/ipv6/${six++}`] = address;
      else {
        if (four === 0) found[`${device}/ip`] = address;
        found[`${device}/ipv4/${four++}`] = address;
      }
    }
  }
  return found;
};

const guestInput = (vm: Vm, joins: Joins, front: FrontInstance): string => {
  const id = xenId('VM_guest_metrics', joins.id);
  return element(
    'guest',
    {
      ref: refOf(id, front),
      uuid: uuidOf(id, front),
      updated: timeOrNever(vm.startedMs),
      agent: vm.guest.toolsRunning,
    },
    entries('os_version', systemOf(vm)) +
      entries('networks', addressesOf(vm)) +
      entries('other', GUEST_FEATURES) +
      (vm.guest.hostName === undefined ? '' : entries('netbios_name', { host_name: vm.guest.hostName })),
  );
};

const consoleInput = (vm: Vm, joins: Joins, front: FrontInstance): string => {
  if (vm.vnc === undefined) return '';
  const id = xenId('console', joins.id);
  const uuid = uuidOf(id, front);
  return element('console', {
    ref: refOf(id, front),
    uuid,
    location: urlOf(front, `/console?uuid=${uuid}`),
  });
};

const operationsInput = (standing: Standing): string =>
  allowedOperations(standing)
    .map((name) => element('operation', { name }))
    .join('');

/** Maps and sets of a VM that its host keeps for us. */
const keptInput = (vm: Vm): string =>
  ['other_config', 'xenstore_data', 'VCPUs_params', 'blocked_operations', 'NVRAM', 'bios_strings']
    .map((field) => entries(field, attributeMap(vm, field)))
    .join('') +
  attributeSet(vm, 'tags')
    .map((name) => element('tag', { name }))
    .join('');

const snapshotInput = (snapshot: Snapshot, vm: Vm, joins: Joins, front: FrontInstance): string => {
  const owner = joins.owned('snapshot', snapshot.native);
  if (owner === undefined) return '';
  const id = xenId('VM', owner);
  const ref = refOf(id, front);
  const of = (native: string | undefined): string => {
    const other = native === undefined ? undefined : joins.owned('snapshot', native);
    return other === undefined ? NULL_REF : refOf(xenId('VM', other), front);
  };
  const at = xenPowerState(snapshot.powerState);
  // Memory was saved: the copy is as a suspended VM.
  const power: XenPowerState = snapshot.hasMemory && at !== 'Halted' ? 'Suspended' : 'Halted';
  const children = vm.snapshots.filter(({ parent }) => parent === snapshot.native).map(({ native }) => of(native));
  const time = timeOrNever(snapshot.createdMs);
  const standing: Standing = {
    ref,
    state: power,
    isTemplate: true,
    isDefaultTemplate: false,
    isSnapshot: true,
    isControlDomain: false,
    blocked: {},
  };
  return element(
    'snapshot',
    {
      ref,
      uuid: uuidOf(id, front),
      name: snapshot.name,
      description: snapshot.description,
      power,
      time,
      of: refOf(xenId('VM', joins.id), front),
      parent: of(snapshot.parent),
    },
    operationsInput(standing) +
      entries('snapshot_info', {
        'power-state-at-snapshot': at,
        'disk-snapshot-type': snapshot.quiesced ? 'quiesced' : 'crash_consistent',
      }) +
      children.map((child) => element('child', { ref: child })).join('') +
      (snapshot.current ? element('child', { ref: refOf(xenId('VM', joins.id), front) }) : '') +
      snapshotDrives(vm, owner, time, joins, front),
  );
};

const PRESERVED = ['actions_after_shutdown', 'actions_after_reboot', 'actions_after_crash', 'affinity'] as const;

const standingOf = (vm: Vm, ref: string): Standing => ({
  ref,
  state: xenPowerState(vm.powerState),
  isTemplate: vm.template,
  isDefaultTemplate: false,
  isSnapshot: false,
  isControlDomain: false,
  blocked: attributeMap(vm, 'blocked_operations'),
});

/** The hub numbers VMs over all hosts: as good a domain number as any, and the same as long as the VM runs. */
const domainNumber = ({ owner }: XenId): number => Number(owner.slice(owner.lastIndexOf('-') + 1));

export const vmInput = (vm: Vm, joins: Joins, front: FrontInstance): string => {
  const id = xenId('VM', joins.id);
  const ref = refOf(id, front);
  const host = refOf(xenId('host', joins.host), front);
  const power = xenPowerState(vm.powerState);
  const isUp = power === 'Running' || power === 'Paused';
  const metrics = xenId('VM_metrics', joins.id);
  const snapshots = vm.snapshots.flatMap(({ native, current }) => {
    const owner = joins.owned('snapshot', native);
    return owner === undefined ? [] : [{ ref: refOf(xenId('VM', owner), front), current }];
  });
  const limits = limitsOf(vm);
  const texts = Object.fromEntries(PRESERVED.map((field) => [field, attributeText(vm, field)]));
  const x = element(
    'x',
    {
      ref,
      uuid: vm.uuid,
      power,
      isUp,
      host: isUp ? host : NULL_REF,
      metrics: refOf(metrics, front),
      metricsUuid: uuidOf(metrics, front),
      domid: isUp ? domainNumber(id) : -1,
      parent: snapshots.find(({ current }) => current)?.ref ?? NULL_REF,
      started: timeOrNever(isUp ? vm.startedMs : 0),
      installed: timeOrNever(vm.createdMs),
      updated: timeOrNever(vm.modifiedMs ?? vm.createdMs),
      actual: isUp ? vm.memoryBytes : 0,
      memoryStaticMax: limits.staticMax,
      memoryDynamicMax: limits.dynamicMax,
      memoryDynamicMin: limits.dynamicMin,
      memoryStaticMin: limits.staticMin,
      ...texts,
      recommendations: attributeText(vm, 'recommendations') ?? '',
      userVersion: attributeText(vm, 'user_version') ?? '1',
      hasVendorDevice: attributeText(vm, 'has_vendor_device') ?? 'false',
      referenceLabel: attributeText(vm, 'reference_label') ?? '',
    },
    [
      operationsInput(standingOf(vm, ref)),
      entries('platform', platformOf(vm)),
      entries('HVM_boot_params', bootParams(vm)),
      keptInput(vm),
      drivesInput(vm, joins, front, power),
      cardsInput(vm, joins, front, power),
      isUp ? consoleInput(vm, joins, front) : '',
      power === 'Halted' ? '' : guestInput(vm, joins, front),
      vm.snapshots.map((snapshot) => snapshotInput(snapshot, vm, joins, front)).join(''),
    ].join(''),
  );
  return `<in>${formatDocument('vm', vm)}${x}</in>`;
};
