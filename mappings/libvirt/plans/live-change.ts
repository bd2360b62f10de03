/** A running VM and its new definition in, the calls that bring the running machine to it out: devices come, change and go one by one. */
import type { Vm } from '../../generic/model.ts';
import type { Step } from '../../generic/plan.ts';
import { call, type Found, probe, step } from '../../generic/planning.ts';
import { disksOf, nicsOf } from '../devices.ts';
import { attribute, child, children, parseSpans, type Span, source } from '../spans.ts';
import { kibOf } from '../units.ts';
import { AFFECT, dom } from './steps.ts';

/** A guest without an operating system never lets go of a device. */
const DETACH_LIMIT_MS = 30_000;

interface Device {
  readonly element: 'disk' | 'interface' | 'controller';
  readonly key: string;
  readonly xml: string;
  /** What a change of it can be told by. */
  readonly state: Readonly<Record<string, string>>;
}

const get = (text: string, span: Span, name: string, attributeName: string): string => {
  const found = child(span, name);
  return (found && attribute(text, found, attributeName)) ?? '';
};

const devicesOf = (text: string): Map<string, Device> => {
  const domain = parseSpans(text);
  const out = new Map<string, Device>();
  const add = (device: Device): void => void out.set(`${device.element} ${device.key}`, device);
  // Controllers first: disks are attached to them.
  for (const span of children(child(domain, 'devices'), 'controller')) {
    if (attribute(text, span, 'type') !== 'scsi') continue;
    add({
      element: 'controller',
      key: `scsi:${attribute(text, span, 'index') ?? '0'}`,
      xml: source(text, span),
      state: {},
    });
  }
  for (const { span, dev } of disksOf(text, domain)) {
    const state = {
      'source@file': get(text, span, 'source', 'file'),
      'source@dev': get(text, span, 'source', 'dev'),
      'source@volume': get(text, span, 'source', 'volume'),
    };
    add({ element: 'disk', key: dev, xml: source(text, span), state });
  }
  for (const { span, mac } of nicsOf(text, domain)) {
    const link = get(text, span, 'link', 'state');
    const state = {
      'source@network': get(text, span, 'source', 'network'),
      'source@bridge': get(text, span, 'source', 'bridge'),
      // Up is written or not, as libvirt likes.
      'link@state': link === 'up' ? '' : link,
    };
    add({ element: 'interface', key: mac.toLowerCase(), xml: source(text, span), state });
  }
  return out;
};

const flags = AFFECT.live;

const attach = (uuid: string, xml: string) => call('DOMAIN_ATTACH_DEVICE_FLAGS', { dom: dom(uuid), xml, flags });
const detach = (uuid: string, xml: string) => call('DOMAIN_DETACH_DEVICE_FLAGS', { dom: dom(uuid), xml, flags });
const update = (uuid: string, xml: string) => call('DOMAIN_UPDATE_DEVICE_FLAGS', { dom: dom(uuid), xml, flags });

const where = (uuid: string, { element, key }: Device) => ({ uuid, element, key });

const deviceSteps = (uuid: string, before: ReadonlyMap<string, Device>, after: ReadonlyMap<string, Device>): Step[] => {
  const steps: Step[] = [];
  for (const [key, device] of after) {
    const was = before.get(key);
    if (!was) {
      steps.push(
        step(`attach ${key}`, 'compensatable', attach(uuid, device.xml), probe('device-present', where(uuid, device)), {
          undo: detach(uuid, device.xml),
        }),
      );
    } else if (JSON.stringify(was.state) !== JSON.stringify(device.state)) {
      steps.push(
        step(
          `update ${key}`,
          'compensatable',
          update(uuid, device.xml),
          probe('device-is', { ...where(uuid, device), is: device.state }),
          { undo: update(uuid, was.xml) },
        ),
      );
    }
  }
  for (const [key, device] of before) {
    // An unused controller hurts nobody; taking it from a running machine can.
    if (after.has(key) || device.element === 'controller') continue;
    steps.push(
      step(`detach ${key}`, 'compensatable', detach(uuid, device.xml), probe('device-absent', where(uuid, device)), {
        undo: attach(uuid, device.xml),
        awaits: { limitMs: DETACH_LIMIT_MS },
      }),
    );
  }
  return steps;
};

/** `xml` is the definition as it shall be: what differs from the stored one in devices is done to the running machine. */
export const liveSteps = (vm: Found<'vm'>, after: Vm, xml: string): Step[] => {
  const uuid = vm.native.native;
  const { doc: before } = vm;
  const steps = deviceSteps(
    uuid,
    devicesOf(vm.native.parts['domain'] ?? vm.native.parts['live'] ?? ''),
    devicesOf(xml),
  );
  if (after.memoryBytes !== before.memoryBytes) {
    const setMemory = (bytes: number) =>
      call('DOMAIN_SET_MEMORY_FLAGS', { dom: dom(uuid), memory: String(kibOf(bytes)), flags });
    steps.push(
      step(
        'memory',
        'compensatable',
        setMemory(after.memoryBytes),
        probe('memory-is', { uuid, kib: kibOf(after.memoryBytes) }),
        { undo: setMemory(before.memoryBytes) },
      ),
    );
  }
  if (after.cpuCount !== before.cpuCount) {
    const setCpus = (nvcpus: number) => call('DOMAIN_SET_VCPUS_FLAGS', { dom: dom(uuid), nvcpus, flags });
    steps.push(
      step('cpus', 'compensatable', setCpus(after.cpuCount), probe('vcpus-is', { uuid, count: after.cpuCount }), {
        undo: setCpus(before.cpuCount),
      }),
    );
  }
  return steps;
};
