/** Which properties are read and watched, how they are asked for in bulk, and how what the host tells of an object becomes one document. */
import {
  attributeOf,
  childOf,
  childrenOf,
  escapeAttribute,
  escapeText,
  type XmlElement,
  XSI_NS,
  xsiTypeOf,
} from '../../wire/xml.ts';
import { type DataObject, type MoRef, moRef } from '../values.ts';

/** What documents are made of. Nothing here may differ between two readings of an object that has not changed. */
export const READ = {
  VirtualMachine: [
    'name',
    'config.uuid',
    'config.instanceUuid',
    'config.template',
    'config.guestId',
    'config.annotation',
    'config.version',
    'config.changeVersion',
    'config.modified',
    'config.files',
    'config.hardware',
    'config.bootOptions',
    'config.firmware',
    'config.cpuHotAddEnabled',
    'config.memoryHotAddEnabled',
    'config.cpuAllocation',
    'config.memoryAllocation',
    'config.extraConfig',
    'runtime.powerState',
    'runtime.bootTime',
    'runtime.connectionState',
    'runtime.host',
    'snapshot',
    'guest.toolsStatus',
    'guest.toolsRunningStatus',
    'guest.hostName',
    'guest.guestFullName',
    'guest.net',
    'layoutEx.file',
    'layoutEx.snapshot',
    'datastore',
    'network',
  ],
  HostSystem: [
    'name',
    'parent',
    'summary.hardware',
    'summary.config.product',
    'runtime.connectionState',
    'runtime.inMaintenanceMode',
    'runtime.bootTime',
    'config.network',
    'hardware.numaInfo',
    'capability.maxSupportedVcpus',
    'configManager',
    'datastore',
  ],
  Datastore: ['name', 'summary', 'info', 'browser', 'host'],
  Network: ['name'],
  DistributedVirtualPortgroup: ['name', 'key', 'config.distributedVirtualSwitch', 'config.defaultPortConfig'],
  DistributedVirtualSwitch: ['name', 'uuid', 'config.uplinkPortgroup'],
  ComputeResource: ['name', 'resourcePool', 'host'],
  Datacenter: ['name', 'vmFolder', 'datastore', 'network'],
  HostAutoStartManager: ['config'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What a change of is an event; the rest is read again with it. */
export const WATCHED = {
  VirtualMachine: [
    'name',
    'config.changeVersion',
    'config.template',
    'runtime.powerState',
    'runtime.connectionState',
    'snapshot',
    'guest.toolsRunningStatus',
    'guest.hostName',
    'guest.net',
    'datastore',
  ],
  HostSystem: ['name', 'runtime.connectionState', 'runtime.inMaintenanceMode', 'datastore', 'network'],
  Datastore: ['name', 'summary.accessible', 'summary.capacity'],
  Network: ['name'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export const propSet = (paths: Readonly<Record<string, readonly string[]>>): DataObject[] =>
  Object.entries(paths).map(([type, pathSet]) => ({ type, all: false, pathSet }));

export const throughView = (view: MoRef): DataObject => ({
  obj: view,
  skip: true,
  selectSet: [{ _type: 'TraversalSpec', name: 'view', type: 'ContainerView', path: 'view', skip: false }],
});

/** One object as the PropertyCollector tells of it: values by path. */
export interface Told {
  readonly ref: MoRef;
  readonly values: ReadonlyMap<string, XmlElement>;
}

export const refIn = (element: XmlElement | undefined): MoRef | undefined => {
  const type = element && attributeOf(element, 'type');
  return type === undefined ? undefined : moRef(type, element?.text.trim() ?? '');
};

export const toldOf = (object: XmlElement, ref = childOf(object, 'obj'), sets = 'propSet'): Told => {
  const values = new Map<string, XmlElement>();
  for (const set of childrenOf(object, sets)) {
    const value = childOf(set, 'val');
    if (value) values.set(childOf(set, 'name')?.text.trim() ?? '', value);
  }
  return { ref: refIn(ref) ?? moRef('', ''), values };
};

const isArray = (element: XmlElement): boolean => xsiTypeOf(element)?.name.startsWith('ArrayOf') === true;

/** References in a value that is one or an array of them. */
export const refsIn = (element: XmlElement | undefined): MoRef[] =>
  element === undefined ? [] : (isArray(element) ? element.children : [element]).flatMap((one) => refIn(one) ?? []);

export const textIn = ({ values }: Told, path: string): string => values.get(path)?.text.trim() ?? '';

const attributesOf = (element: XmlElement): string => {
  const type = attributeOf(element, 'type');
  const dynamic = attributeOf(element, 'type', XSI_NS);
  return (
    (type === undefined ? '' : ` type="${escapeAttribute(type)}"`) +
    (dynamic === undefined ? '' : ` xsi:type="${escapeAttribute(dynamic.slice(dynamic.indexOf(':') + 1))}"`)
  );
};

export const elementText = (name: string, element: XmlElement, declarations = ''): string => {
  const inner = element.children.length === 0 ? escapeText(element.text) : innerText(element);
  const open = `<${name}${declarations}${attributesOf(element)}`;
  return inner === '' ? `${open}/>` : `${open}>${inner}</${name}>`;
};

const innerText = (element: XmlElement): string => {
  let text = '';
  for (const child of element.children) text += elementText(child.name, child);
  return text;
};

/** As a member of its object: an array is the member again and again. */
const memberText = (name: string, value: XmlElement): string =>
  isArray(value) ? value.children.map((item) => elementText(name, item)).join('') : elementText(name, value);

interface Branch {
  text: string;
  readonly inner: Map<string, Branch>;
}

const branchText = (name: string, { text, inner }: Branch): string =>
  inner.size === 0
    ? text
    : `<${name}>${[...inner].map(([child, branch]) => branchText(child, branch)).join('')}</${name}>`;

/** `<VirtualMachine moid="42"><config><uuid>..`: the properties that were asked for, in the order of `paths`, without namespaces but xsi. */
export const documentText = (type: string, { ref, values }: Told, paths: readonly string[]): string => {
  const root = new Map<string, Branch>();
  for (const path of paths) {
    const value = values.get(path);
    if (value === undefined) continue;
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let level = root;
    for (const step of steps) {
      const branch = level.get(step) ?? { text: '', inner: new Map<string, Branch>() };
      level.set(step, branch);
      level = branch.inner;
    }
    level.set(last, { text: memberText(last, value), inner: new Map() });
  }
  const inner = [...root].map(([name, branch]) => branchText(name, branch)).join('');
  return `<${type} xmlns:xsi="${XSI_NS}" type="${escapeAttribute(ref.type)}" moid="${escapeAttribute(ref.value)}">${inner}</${type}>`;
};
