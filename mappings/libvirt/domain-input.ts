/** A domain with its snapshots in, the input of `to-generic/vm.xsl` out: its document with bytes, slots and models written into it. */
import type { BootDevice, Share } from '../generic/model.ts';
import type { NativeObject } from '../generic/native.ts';
import { escapeText } from '../wire/xml.ts';
import { currentDomain, disksOf, nicsOf } from './devices.ts';
import { annotation, attributes, wrap } from './markup.ts';
import { libosinfoId, type OwnMetadata, readMetadata } from './metadata.ts';
import { displayName } from './scan.ts';
import { attribute, child, children, parseSpans, path, type Span, splice, textOf } from './spans.ts';
import { bootDevices, nicModels, powerStateOf, scsiModels, snapshotPowerState } from './states.ts';
import { bytesOf, millisecondsOf } from './units.ts';

/** Addresses that libvirt and QEMU hand out themselves. */
const GENERATED_MAC = /^52:54:00:/i;

/** Per-device order and `<os><boot>` exclude each other (libvirt's rule). Several disks in a row are one boot device of the hub. */
const bootOrder = (text: string, domain: Span): BootDevice[] => {
  const os = children(child(domain, 'os'), 'boot').map((boot) =>
    bootDevices.toGeneric(attribute(text, boot, 'dev') ?? ''),
  );
  const ordered: [number, BootDevice][] = [];
  for (const device of child(domain, 'devices')?.children ?? []) {
    const boot = child(device, 'boot');
    const order = boot && attribute(text, boot, 'order');
    if (order === undefined) continue;
    const kind = device.name === 'disk' ? (attribute(text, device, 'device') ?? 'disk') : device.name;
    if (kind === 'interface') ordered.push([Number(order), 'network']);
    else if (kind === 'disk' || kind === 'cdrom' || kind === 'floppy') ordered.push([Number(order), kind]);
  }
  const found = ordered.length > 0 ? ordered.sort((a, b) => a[0] - b[0]).map(([, kind]) => kind) : os;
  return [...new Set(found.filter((kind) => kind !== undefined))];
};

const snapshotInput = (name: string, text: string, current: boolean): string => {
  const root = parseSpans(text);
  const memory = child(root, 'memory');
  const domain = child(root, 'domain');
  const mark = domain && readMetadata(text, domain).snapshot;
  const own = mark?.native === name ? mark : undefined;
  const state = textOf(text, child(root, 'state'));
  const hasImage = memory ? attribute(text, memory, 'snapshot') !== 'no' : state === 'running';
  return `<snapshot${attributes({
    native: name,
    name: own?.name ?? name,
    created: millisecondsOf(textOf(text, child(root, 'creationTime'))) ?? 0,
    powerState: snapshotPowerState(state),
    hasMemory: hasImage && own?.memory !== false,
    parent: textOf(text, path(root, 'parent', 'name')) || undefined,
    current,
  })}><description>${escapeText(textOf(text, child(root, 'description')))}</description></snapshot>`;
};

const isSecureBoot = (text: string, os: Span | undefined): boolean => {
  const loader = child(os, 'loader');
  if (loader && attribute(text, loader, 'secure') === 'yes') return true;
  return children(child(os, 'firmware'), 'feature').some(
    (feature) => attribute(text, feature, 'name') === 'secure-boot' && attribute(text, feature, 'enabled') === 'yes',
  );
};

const isEfi = (text: string, os: Span | undefined): boolean => {
  const loader = child(os, 'loader');
  return (
    (os !== undefined && attribute(text, os, 'firmware') === 'efi') ||
    (loader !== undefined && attribute(text, loader, 'type') === 'pflash')
  );
};

const guestAgent = (text: string, domain: Span): { installed: boolean; running: boolean } => {
  for (const channel of children(child(domain, 'devices'), 'channel')) {
    const target = child(channel, 'target');
    if (!target || attribute(text, target, 'name') !== 'org.qemu.guest_agent.0') continue;
    const running = attribute(text, target, 'state') === 'connected';
    return { installed: running, running };
  }
  return { installed: false, running: false };
};

const shareText = (name: string, share: Share | undefined): string =>
  share
    ? `<${name}>${(['reservation', 'limit', 'shares'] as const).map((f) => (share[f] === undefined ? '' : `<${f}>${share[f]}</${f}>`)).join('')}</${name}>`
    : '';

const ownText = (own: OwnMetadata, osId: string): string =>
  `<own${attributes({
    instanceUuid: own.instanceUuid,
    osId,
    template: own.template === true,
    created: own.createdMs,
    memoryHotAdd: own.memoryHotAdd === true,
  })}>${shareText('cpuShare', own.cpuShare)}${shareText('memoryShare', own.memoryShare)}${own.attributes
    .map((one) => `<attribute${attributes({ owner: one.owner, key: one.key })}>${escapeText(one.value)}</attribute>`)
    .join('')}</own>`;

const deviceAnnotations = (text: string, domain: Span): { from: number; to: number; put: string }[] => [
  ...disksOf(text, domain).map(({ span, device, dev, slot, format, path: file, pool, volume }) =>
    annotation(span, {
      tDevice: device,
      tDev: dev,
      tBus: slot.bus,
      tController: slot.controller,
      tUnit: slot.unit,
      tFormat: format,
      tThin: format === 'qcow2',
      tPath: file,
      tPool: pool,
      tVolume: volume,
      tMedium: file !== undefined || volume !== undefined,
    }),
  ),
  ...nicsOf(text, domain).map(({ span, mac, isStatic, network, bridge }, ordinal) => {
    const model = child(span, 'model');
    // QEMU's own default card on x86, where the document names none.
    const name = (model && attribute(text, model, 'type')) ?? 'rtl8139';
    return annotation(span, {
      tOrdinal: ordinal,
      tMac: mac,
      tGenerated: !isStatic && GENERATED_MAC.test(mac),
      tModel: nicModels.toGeneric(name) ?? 'other',
      tNetwork: network ?? bridge ?? '',
    });
  }),
  ...children(child(domain, 'devices'), 'controller')
    .filter((span) => attribute(text, span, 'type') === 'scsi')
    .map((span) =>
      annotation(span, {
        tOrdinal: attribute(text, span, 'index') ?? '0',
        tModel: scsiModels.toGeneric(attribute(text, span, 'model') ?? '') ?? 'lsilogic',
      }),
    ),
];

/** A guest's serial port is written twice, as serial and as console: only the serial ones count. */
const serialPorts = (domain: Span): number => children(child(domain, 'devices'), 'serial').length;

export const domainInput = (object: NativeObject): string => {
  const text = currentDomain(object.parts);
  const domain = parseSpans(text);
  const { facts } = object;
  const own = readMetadata(text, domain);
  const memoryAt = (name: string): number | undefined => {
    const span = child(domain, name);
    return span && bytesOf(textOf(text, span), attribute(text, span, 'unit'), 'KiB');
  };
  const memoryMax = memoryAt('memory') ?? 0;
  const vcpu = child(domain, 'vcpu');
  const cpuMax = Number(textOf(text, vcpu).trim() || 1);
  const topology = path(domain, 'cpu', 'topology');
  const os = child(domain, 'os');
  const agent = guestAgent(text, domain);
  const type = child(os, 'type');
  const arch = (type && attribute(text, type, 'arch')) ?? 'x86_64';
  const snapshots = Object.keys(object.parts).filter((part) => part.startsWith('snapshot:'));
  const current = String(facts['currentSnapshot'] ?? '');
  const cpuCount = Number((vcpu && attribute(text, vcpu, 'current')) ?? cpuMax);
  return wrap(
    {
      uuid: object.native,
      displayName: displayName(text, domain),
      powerState: powerStateOf(Number(facts['state'] ?? 5), facts['managedSave'] === true),
      permanent: facts['persistent'] !== false,
      autostart: facts['autostart'] === true,
      firmware: isEfi(text, os) ? 'efi' : 'bios',
      secureBoot: isSecureBoot(text, os),
      cpuCount,
      cpuMax,
      cores: (topology && attribute(text, topology, 'cores')) ?? 1,
      cpuHotAdd: own.cpuHotAdd === true || cpuMax > cpuCount,
      memory: memoryAt('currentMemory') ?? memoryMax,
      memoryMax,
      bits: /^(i[3-6]86|armv[67]l|ppc|mips(el)?|s390)$/.test(arch) ? 32 : 64,
      serialPorts: serialPorts(domain),
      tools: agent.installed || facts['agent'] === true,
      toolsRunning: agent.running || facts['agent'] === true,
    },
    bootOrder(text, domain)
      .map((boot) => `<boot>${boot}</boot>`)
      .join('') +
      ownText(own, own.osId ?? libosinfoId(text, domain)) +
      snapshots
        .map((part) => snapshotInput(part.slice(9), object.parts[part] ?? '', part.slice(9) === current))
        .join('') +
      splice(text.slice(0, domain.end), deviceAnnotations(text, domain)).slice(domain.start),
  );
};
