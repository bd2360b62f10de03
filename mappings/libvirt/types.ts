// The field types of libvirt's RPC (remote_protocol.x), each declared once: TypeScript type, reader and writer.
import type { Codec, XdrReader, XdrWriter } from '../wire/xdr.ts';
import { DecodeError, EncodeError } from '../wire/xdr.ts';

/** Strings may have 4 MiB, any list 16384 items unless its row says otherwise: the limits libvirt 9.0 enforces itself. */
const STRING_MAX_BYTES = 4 * 1024 * 1024;
export const LIST_MAX = 16_384;

/** Canonical text, lower case with dashes; the server finds domains, networks and pools by it alone. */
export type Uuid = string;
export type Dom = { name: string; uuid: Uuid; id: number };
export type Net = { name: string; uuid: Uuid };
export type Pool = { name: string; uuid: Uuid };
export type Vol = { pool: string; name: string; key: string };
export type Snap = { name: string; dom: Dom };
export type Checkpoint = { name: string; dom: Dom };
export type Iface = { name: string; mac: string };
export type NodeDevice = { name: string };
export type NwFilter = { name: string; uuid: Uuid };
export type Secret = { uuid: Uuid; usageType: number; usageId: string };
/** type: 1 int, 2 uint, 3 llong, 4 ullong, 5 double, 6 boolean, 7 string. */
export type TypedParam =
  | { field: string; type: 1 | 2 | 5; value: number }
  | { field: string; type: 3 | 4; value: bigint }
  | { field: string; type: 6; value: boolean }
  | { field: string; type: 7; value: string };
export type DomainStats = { dom: Dom; params: TypedParam[] };
export type NodeStat = { field: string; value: bigint };
export type MemoryStat = { tag: number; value: bigint };
export type VcpuInfo = { number: number; state: number; time: bigint; cpu: number };
export type IfAddress = { type: number; addr: string; prefix: number };
export type DomainInterface = { name: string; hwaddr: string | null; addrs: IfAddress[] };
export type FsInfo = { mountpoint: string; name: string; fstype: string; aliases: string[] };
export type DhcpLease = {
  iface: string;
  expiry: bigint;
  type: number;
  mac: string | null;
  iaid: string | null;
  ip: string;
  prefix: number;
  hostname: string | null;
  clientid: string | null;
};
export type GraphicsAddress = { family: number; node: string; service: string };
export type GraphicsIdentity = { type: string; name: string };

/** The words of the IDL. `i32` also stands for the wire's char, `u32` for unsigned char and short: XDR gives each four bytes. */
export interface FieldTypes {
  i32: number;
  u32: number;
  i64: bigint;
  u64: bigint;
  str: string;
  uuid: Uuid;
  opaque: Uint8Array;
  /** `char name[32]`. */
  chars32: string;
  /** `char data<>`. */
  chars: Uint8Array;
  dom: Dom;
  net: Net;
  pool: Pool;
  vol: Vol;
  snap: Snap;
  chk: Checkpoint;
  iface: Iface;
  nodedev: NodeDevice;
  nwfilter: NwFilter;
  secret: Secret;
  tp: TypedParam;
  domstats: DomainStats;
  nodestat: NodeStat;
  memstat: MemoryStat;
  vcpu: VcpuInfo;
  ifaddr: DomainInterface;
  fsinfo: FsInfo;
  lease: DhcpLease;
  gfxaddr: GraphicsAddress;
  gfxid: GraphicsIdentity;
}
export type FieldWord = keyof FieldTypes;

const str = (r: XdrReader): string => r.string(STRING_MAX_BYTES);
const putStr = (w: XdrWriter, value: string): void => w.string(value, STRING_MAX_BYTES);
const optStr = (r: XdrReader): string | null => r.optional(str);
const putOptStr = (w: XdrWriter, value: string | null): void => w.optional(value, putStr);

const uuid = (r: XdrReader): Uuid => {
  const h = r.hex(16);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
};
const putUuid = (w: XdrWriter, value: Uuid): void => w.hex(value.replaceAll('-', ''), 16);

const dom: Codec<Dom> = {
  read: (r) => ({ name: str(r), uuid: uuid(r), id: r.int() }),
  write: (w, v) => {
    putStr(w, v.name);
    putUuid(w, v.uuid);
    w.int(v.id);
  },
};
/** Name and UUID: network, pool, nwfilter. */
const named: Codec<{ name: string; uuid: Uuid }> = {
  read: (r) => ({ name: str(r), uuid: uuid(r) }),
  write: (w, v) => {
    putStr(w, v.name);
    putUuid(w, v.uuid);
  },
};
/** Name and domain: snapshot, checkpoint. */
const ofDom: Codec<{ name: string; dom: Dom }> = {
  read: (r) => ({ name: str(r), dom: dom.read(r) }),
  write: (w, v) => {
    putStr(w, v.name);
    dom.write(w, v.dom);
  },
};

const readTypedParam = (r: XdrReader): TypedParam => {
  const field = str(r);
  const type = r.int();
  switch (type) {
    case 1:
      return { field, type, value: r.int() };
    case 2:
      return { field, type, value: r.uint() };
    case 3:
      return { field, type, value: r.hyper() };
    case 4:
      return { field, type, value: r.uhyper() };
    case 5:
      return { field, type, value: r.double() };
    case 6:
      return { field, type, value: r.bool() };
    case 7:
      return { field, type, value: str(r) };
    default:
      throw new DecodeError(`typed parameter ${field} has type ${type}`);
  }
};
const writeTypedParam = (w: XdrWriter, v: TypedParam): void => {
  putStr(w, v.field);
  w.int(v.type);
  switch (v.type) {
    case 1:
      w.int(v.value);
      break;
    case 2:
      w.uint(v.value);
      break;
    case 3:
      w.hyper(v.value);
      break;
    case 4:
      w.uhyper(v.value);
      break;
    case 5:
      w.double(v.value);
      break;
    case 6:
      w.bool(v.value);
      break;
    case 7:
      putStr(w, v.value);
      break;
    default:
      throw new EncodeError(`typed parameter of type ${(v satisfies never as TypedParam).type}`);
  }
};
/** A domain's statistics: as many parameters as libvirt's own limit. */
const STATS_MAX = 262_144;

const ifAddress: Codec<IfAddress> = {
  read: (r) => ({ type: r.int(), addr: str(r), prefix: r.uint() }),
  write: (w, v) => {
    w.int(v.type);
    putStr(w, v.addr);
    w.uint(v.prefix);
  },
};

export const CODECS: { readonly [W in FieldWord]: Codec<FieldTypes[W]> } = {
  i32: { read: (r) => r.int(), write: (w, v) => w.int(v) },
  u32: { read: (r) => r.uint(), write: (w, v) => w.uint(v) },
  i64: { read: (r) => r.hyper(), write: (w, v) => w.hyper(v) },
  u64: { read: (r) => r.uhyper(), write: (w, v) => w.uhyper(v) },
  str: { read: str, write: putStr },
  uuid: { read: uuid, write: putUuid },
  opaque: { read: (r) => r.opaque(STRING_MAX_BYTES), write: (w, v) => w.opaque(v, STRING_MAX_BYTES) },
  chars32: { read: (r) => r.fixedChars(32), write: (w, v) => w.fixedChars(v, 32) },
  chars: { read: (r) => r.chars(65_536), write: (w, v) => w.chars(v, 65_536) },
  dom,
  net: named,
  pool: named,
  nwfilter: named,
  snap: ofDom,
  chk: ofDom,
  vol: {
    read: (r) => ({ pool: str(r), name: str(r), key: str(r) }),
    write: (w, v) => {
      putStr(w, v.pool);
      putStr(w, v.name);
      putStr(w, v.key);
    },
  },
  iface: {
    read: (r) => ({ name: str(r), mac: str(r) }),
    write: (w, v) => {
      putStr(w, v.name);
      putStr(w, v.mac);
    },
  },
  nodedev: { read: (r) => ({ name: str(r) }), write: (w, v) => putStr(w, v.name) },
  secret: {
    read: (r) => ({ uuid: uuid(r), usageType: r.int(), usageId: str(r) }),
    write: (w, v) => {
      putUuid(w, v.uuid);
      w.int(v.usageType);
      putStr(w, v.usageId);
    },
  },
  tp: { read: readTypedParam, write: writeTypedParam },
  domstats: {
    read: (r) => ({ dom: dom.read(r), params: r.array(STATS_MAX, readTypedParam) }),
    write: (w, v) => {
      dom.write(w, v.dom);
      w.array(v.params, STATS_MAX, writeTypedParam);
    },
  },
  nodestat: {
    read: (r) => ({ field: str(r), value: r.uhyper() }),
    write: (w, v) => {
      putStr(w, v.field);
      w.uhyper(v.value);
    },
  },
  memstat: {
    read: (r) => ({ tag: r.int(), value: r.uhyper() }),
    write: (w, v) => {
      w.int(v.tag);
      w.uhyper(v.value);
    },
  },
  vcpu: {
    read: (r) => ({ number: r.uint(), state: r.int(), time: r.uhyper(), cpu: r.int() }),
    write: (w, v) => {
      w.uint(v.number);
      w.int(v.state);
      w.uhyper(v.time);
      w.int(v.cpu);
    },
  },
  ifaddr: {
    read: (r) => ({ name: str(r), hwaddr: optStr(r), addrs: r.array(2048, ifAddress.read) }),
    write: (w, v) => {
      putStr(w, v.name);
      putOptStr(w, v.hwaddr);
      w.array(v.addrs, 2048, ifAddress.write);
    },
  },
  fsinfo: {
    read: (r) => ({ mountpoint: str(r), name: str(r), fstype: str(r), aliases: r.array(LIST_MAX, str) }),
    write: (w, v) => {
      putStr(w, v.mountpoint);
      putStr(w, v.name);
      putStr(w, v.fstype);
      w.array(v.aliases, LIST_MAX, putStr);
    },
  },
  lease: {
    read: (r) => ({
      iface: str(r),
      expiry: r.hyper(),
      type: r.int(),
      mac: optStr(r),
      iaid: optStr(r),
      ip: str(r),
      prefix: r.uint(),
      hostname: optStr(r),
      clientid: optStr(r),
    }),
    write: (w, v) => {
      putStr(w, v.iface);
      w.hyper(v.expiry);
      w.int(v.type);
      putOptStr(w, v.mac);
      putOptStr(w, v.iaid);
      putStr(w, v.ip);
      w.uint(v.prefix);
      putOptStr(w, v.hostname);
      putOptStr(w, v.clientid);
    },
  },
  gfxaddr: {
    read: (r) => ({ family: r.int(), node: str(r), service: str(r) }),
    write: (w, v) => {
      w.int(v.family);
      putStr(w, v.node);
      putStr(w, v.service);
    },
  },
  gfxid: {
    read: (r) => ({ type: str(r), name: str(r) }),
    write: (w, v) => {
      putStr(w, v.type);
      putStr(w, v.name);
    },
  },
};

/** Typed parameters by name; of repeated names the last one stays. */
export const paramMap = (params: readonly TypedParam[]): Map<string, number | bigint | boolean | string> => {
  const map = new Map<string, number | bigint | boolean | string>();
  for (const param of params) map.set(param.field, param.value);
  return map;
};
