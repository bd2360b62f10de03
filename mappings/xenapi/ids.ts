/** Hub ids in, opaque references and uuids out, and back: every reference holds the class, the owner and the part it names, so no table is needed. */
import { type HubId, hubId, type Kind, kindOf, numberOf } from '../generic/ids.ts';

/** An object as XenAPI sees it: a class, the hub object it is read from, and which of several (0: the object itself). */
export interface XenId {
  readonly cls: string;
  readonly owner: HubId;
  readonly part: number;
}

export const NULL_REF = 'OpaqueRef:NULL';
const PREFIX = 'OpaqueRef:';

/** Codes are inside references that clients keep: a row is never given another number. */
const CLASSES = [
  [1, 'session'],
  [2, 'subject'],
  [3, 'role'],
  [4, 'task'],
  [5, 'pool'],
  [6, 'pool_patch'],
  [7, 'pool_update'],
  [8, 'VM'],
  [9, 'VM_metrics'],
  [10, 'VM_guest_metrics'],
  [11, 'VMPP'],
  [12, 'VMSS'],
  [13, 'VM_appliance'],
  [14, 'DR_task'],
  [15, 'host'],
  [16, 'host_crashdump'],
  [17, 'host_patch'],
  [18, 'host_metrics'],
  [19, 'host_cpu'],
  [20, 'network'],
  [21, 'VIF'],
  [22, 'VIF_metrics'],
  [23, 'PIF'],
  [24, 'PIF_metrics'],
  [25, 'Bond'],
  [26, 'VLAN'],
  [27, 'SM'],
  [28, 'SR'],
  [29, 'LVHD'],
  [30, 'VDI'],
  [31, 'VBD'],
  [32, 'VBD_metrics'],
  [33, 'PBD'],
  [34, 'crashdump'],
  [35, 'VTPM'],
  [36, 'console'],
  [37, 'user'],
  [38, 'blob'],
  [39, 'message'],
  [40, 'secret'],
  [41, 'tunnel'],
  [42, 'network_sriov'],
  [43, 'PCI'],
  [44, 'PGPU'],
  [45, 'GPU_group'],
  [46, 'VGPU'],
  [47, 'VGPU_type'],
  [48, 'PVS_site'],
  [49, 'PVS_server'],
  [50, 'PVS_proxy'],
  [51, 'PVS_cache_storage'],
  [52, 'Feature'],
  [53, 'SDN_controller'],
  [54, 'PUSB'],
  [55, 'USB_group'],
  [56, 'VUSB'],
  [57, 'Cluster'],
  [58, 'Cluster_host'],
  [59, 'Certificate'],
  [60, 'Repository'],
  [61, 'Observer'],
  [62, 'VM_group'],
  [63, 'Host_driver'],
  [64, 'Driver_variant'],
  [65, 'Caller'],
  [66, 'Rate_limit'],
] as const satisfies readonly (readonly [number, string])[];

const KINDS = [
  [1, 'host'],
  [2, 'vm'],
  [3, 'template'],
  [4, 'snapshot'],
  [5, 'storage'],
  [6, 'volume'],
  [7, 'network'],
  [8, 'disk'],
  [9, 'nic'],
  [10, 'job'],
] as const satisfies readonly (readonly [number, Kind])[];

const codeOfClass = new Map<string, number>(CLASSES.map(([code, cls]) => [cls, code]));
const classOfCode = new Map<number, string>(CLASSES);
const codeOfKind = new Map<Kind, number>(KINDS.map(([code, kind]) => [kind, code]));
const kindOfCode = new Map<number, Kind>(KINDS);

/** The names of all classes that can be referred to. */
export const REF_CLASSES: readonly string[] = CLASSES.map(([, cls]) => cls);

const REF_DOMAIN = 0x5245_4601;
const UUID_DOMAIN = 0x5555_4902;
const LOW_WORD = 0x1_0000_0000;
/** 24 bits for the part, 40 for the number of the owner. */
const PARTS = 0x100_0000;
const NUMBERS = 0x100_0000_0000;

const mixed = (value: number): number => {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
};

const frontHash = (uuid: string): number => {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < uuid.length; i += 1) hash = Math.imul(hash ^ uuid.charCodeAt(i), 0x0100_0193);
  return mixed(hash) & 0x7fff;
};

const checkOf = (domain: number, a: number, b: number, c: number): number =>
  mixed(mixed(mixed(mixed(domain) + a) + b) + c);

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/**
 * 122 free bits of a UUID of version 8: 32 of check; class 7, kind 4, front 15, number 2; part 24, number 6; number 32. The check also
 * masks the rest, so that near ids do not look alike.
 */
const format = (domain: number, id: XenId, front: string): string => {
  const cls = codeOfClass.get(id.cls);
  const kind = codeOfKind.get(kindOf(id.owner));
  const number = numberOf(id.owner);
  if (cls === undefined || kind === undefined) throw new Error(`no reference can name a ${id.cls} of ${id.owner}`);
  if (!(id.part >= 0 && id.part < PARTS) || number >= NUMBERS)
    throw new Error(`${id.owner}/${id.part} is out of range`);
  const high = Math.floor(number / LOW_WORD);
  const a = (cls << 21) | (kind << 17) | (frontHash(front) << 2) | (high >>> 6);
  const b = (id.part << 6) | (high & 0x3f);
  const c = number % LOW_WORD;
  const check = checkOf(domain, a, b, c);
  const x = (a ^ mixed(check + 1)) & 0xfff_ffff;
  const y = (b ^ mixed(check + 2)) & 0x3fff_ffff;
  const z = (c ^ mixed(check + 3)) >>> 0;
  const third = hex(0x8000 | (x & 0xfff), 4);
  const fourth = hex(0x8000 | (y >>> 16), 4);
  return `${hex(check, 8)}-${hex(x >>> 12, 4)}-${third}-${fourth}-${hex(y & 0xffff, 4)}${hex(z, 8)}`;
};

const SHAPE = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{4})([0-9a-f]{8})$/;

const parse = (domain: number, text: string, front: string | undefined): XenId | undefined => {
  const found = SHAPE.exec(text);
  if (!found) return undefined;
  const words = found.slice(1).map((digits) => Number.parseInt(digits, 16));
  const [check = 0, x1 = 0, x2 = 0, y1 = 0, y2 = 0, z = 0] = words;
  const a = ((x1 * 0x1000 + x2) ^ mixed(check + 1)) & 0xfff_ffff;
  const b = ((((y1 & 0x3fff) << 16) | y2) ^ mixed(check + 2)) & 0x3fff_ffff;
  const c = (z ^ mixed(check + 3)) >>> 0;
  if (checkOf(domain, a, b, c) !== check) return undefined;
  if (front !== undefined && ((a >>> 2) & 0x7fff) !== frontHash(front)) return undefined;
  const cls = classOfCode.get(a >>> 21);
  const kind = kindOfCode.get((a >>> 17) & 0xf);
  const number = (((a & 3) << 6) | (b & 0x3f)) * LOW_WORD + c;
  if (cls === undefined || kind === undefined || number === 0) return undefined;
  return { cls, owner: hubId(kind, number), part: b >>> 6 };
};

/** `front` is anything with the uuid of the front instance: references of another front are not ours. */
type OfFront = { readonly uuid: string };

export const xenId = (cls: string, owner: HubId, part = 0): XenId => ({ cls, owner, part });

export const refOf = (id: XenId, front: OfFront): string => PREFIX + format(REF_DOMAIN, id, front.uuid);

/** undefined: never given out by us (with `front`: by this front). NULL_REF names nothing. */
export const parseRef = (ref: string, front?: OfFront): XenId | undefined =>
  ref.startsWith(PREFIX) ? parse(REF_DOMAIN, ref.slice(PREFIX.length), front?.uuid) : undefined;

/** For objects to which no host gave a uuid. */
export const uuidOf = (id: XenId, front: OfFront): string => format(UUID_DOMAIN, id, front.uuid);

export const parseUuid = (uuid: string, front?: OfFront): XenId | undefined => parse(UUID_DOMAIN, uuid, front?.uuid);

/** A session's reference is its token, which no other reference can be. */
export const refOfToken = (token: string): string => PREFIX + token;
export const tokenOfRef = (ref: string): string | undefined =>
  ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : undefined;
