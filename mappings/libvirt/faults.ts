// libvirt's error (remote_error: code, domain, texts) in, a fault of the hub out, with the native error kept beside it.
import { type Fault, type FaultKind, type FaultMembers, fault, type NativeFault } from '../generic/faults.ts';
import type { Codec, DecodeError, XdrReader, XdrWriter } from '../wire/xdr.ts';
import { CODECS, type Dom, type Net } from './types.ts';

/** `remote_error` as it is on the wire. */
export type VirError = {
  code: number;
  domain: number;
  message: string | null;
  level: number;
  dom: Dom | null;
  str1: string | null;
  str2: string | null;
  str3: string | null;
  int1: number;
  int2: number;
  net: Net | null;
};

const { str, dom, net } = CODECS;
export const virError: Codec<VirError> = {
  read: (r: XdrReader) => ({
    code: r.int(),
    domain: r.int(),
    message: r.optional(str.read),
    level: r.int(),
    dom: r.optional(dom.read),
    str1: r.optional(str.read),
    str2: r.optional(str.read),
    str3: r.optional(str.read),
    int1: r.int(),
    int2: r.int(),
    net: r.optional(net.read),
  }),
  write: (w: XdrWriter, v) => {
    w.int(v.code);
    w.int(v.domain);
    w.optional(v.message, str.write);
    w.int(v.level);
    w.optional(v.dom, dom.write);
    w.optional(v.str1, str.write);
    w.optional(v.str2, str.write);
    w.optional(v.str3, str.write);
    w.int(v.int1);
    w.int(v.int2);
    w.optional(v.net, net.write);
  },
};

/** VIR_ERR_* (virterror.h of libvirt 9.0) to the hub's kind; what is not here is `internal`. */
const KINDS = {
  1: 'internal', // INTERNAL_ERROR
  3: 'not-supported', // NO_SUPPORT
  5: 'host-communication', // NO_CONNECT
  6: 'host-communication', // INVALID_CONN
  7: 'object-not-found', // INVALID_DOMAIN
  8: 'invalid-argument', // INVALID_ARG
  9: 'internal', // OPERATION_FAILED
  16: 'invalid-vm-config', // OS_TYPE
  23: 'invalid-vm-config', // NO_DEVICE
  27: 'invalid-vm-config', // XML_ERROR
  28: 'duplicate-name', // DOM_EXIST
  29: 'no-permission', // OPERATION_DENIED
  35: 'invalid-vm-config', // XML_DETAIL: not well-formed
  37: 'duplicate-name', // NETWORK_EXIST
  38: 'internal', // SYSTEM_ERROR
  39: 'host-communication', // RPC
  42: 'object-not-found', // NO_DOMAIN
  43: 'object-not-found', // NO_NETWORK
  44: 'invalid-argument', // INVALID_MAC
  45: 'invalid-login', // AUTH_FAILED
  49: 'object-not-found', // NO_STORAGE_POOL
  50: 'object-not-found', // NO_STORAGE_VOL
  53: 'object-not-found', // NO_NODE_DEVICE
  55: 'invalid-state', // OPERATION_INVALID; the driver, which knows the states, may say wrong-state
  57: 'object-not-found', // NO_INTERFACE
  66: 'object-not-found', // NO_SECRET
  67: 'invalid-vm-config', // CONFIG_UNSUPPORTED
  68: 'busy', // OPERATION_TIMEOUT: another job holds the domain
  69: 'invalid-state', // MIGRATE_PERSIST_FAILED
  70: 'internal', // HOOK_SCRIPT_FAILED
  71: 'object-not-found', // INVALID_DOMAIN_SNAPSHOT
  72: 'object-not-found', // NO_DOMAIN_SNAPSHOT
  74: 'not-supported', // ARGUMENT_UNSUPPORTED
  76: 'already-exists', // STORAGE_POOL_BUILT
  77: 'snapshot-failed', // SNAPSHOT_REVERT_RISKY
  78: 'cancelled', // OPERATION_ABORTED
  79: 'invalid-login', // AUTH_CANCELLED
  80: 'not-found', // NO_DOMAIN_METADATA
  81: 'invalid-state', // MIGRATE_UNSAFE
  82: 'invalid-argument', // OVERFLOW
  83: 'invalid-state', // BLOCK_COPY_ACTIVE
  84: 'not-supported', // OPERATION_UNSUPPORTED
  86: 'tools-unavailable', // AGENT_UNRESPONSIVE
  87: 'busy', // RESOURCE_BUSY
  88: 'no-permission', // ACCESS_DENIED
  90: 'already-exists', // STORAGE_VOL_EXIST
  91: 'invalid-vm-config', // CPU_INCOMPATIBLE
  92: 'invalid-vm-config', // XML_INVALID_SCHEMA
  94: 'invalid-login', // AUTH_UNAVAILABLE
  97: 'tools-unavailable', // AGENT_UNSYNCED
  99: 'not-found', // DEVICE_MISSING
  103: 'object-not-found', // NO_DOMAIN_CHECKPOINT
  104: 'not-found', // NO_DOMAIN_BACKUP
  108: 'snapshot-failed', // CHECKPOINT_INCONSISTENT
} as const satisfies Readonly<Record<number, FaultKind>>;

const TYPES: Readonly<Record<number, string>> = {
  7: 'vm',
  42: 'vm',
  43: 'network',
  49: 'storage',
  50: 'volume',
  53: 'node-device',
  57: 'interface',
  66: 'secret',
  71: 'snapshot',
  72: 'snapshot',
  103: 'checkpoint',
};

/** errno in `int1` of SYSTEM_ERROR. */
const ENOSPC = 28;
const UNKNOWN_PROCEDURE = 'unknown procedure';
/** What qemu-img says of an older image that has snapshots inside; libvirt 9.0 hands it on as INTERNAL_ERROR. */
const HOLDS_SNAPSHOTS = /Can't resize .*which has snapshots/;

/** The first thing in quotes: libvirt names the object in every such text ("no domain with matching name 'x'"). */
const quoted = (text: string): string => /['"]([^'"]{1,256})['"]/.exec(text)?.[1] ?? '';

const faultKindOf = (error: VirError): FaultKind => {
  // libvirt's own client turns exactly this prefix into NO_SUPPORT.
  if (error.code === 39 && error.message?.startsWith(UNKNOWN_PROCEDURE)) return 'not-supported';
  if (error.code === 38 && error.int1 === ENOSPC) return 'no-disk-space';
  if (error.code === 1 && HOLDS_SNAPSHOTS.test(error.message ?? '')) return 'invalid-state';
  return (KINDS as Readonly<Record<number, FaultKind>>)[error.code] ?? 'internal';
};

/** VIR_ERR_XML_DETAIL: after the first line of its text, and again in its parts, libvirt shows the document that it cannot read. */
const XML_DETAIL = 35;

const nativeFaultOf = (error: VirError): NativeFault => {
  const shown = (text: string | null): string | null =>
    error.code === XML_DETAIL ? (text?.split('\n', 1)[0] ?? null) : text;
  return {
    platform: 'libvirt',
    code: String(error.code),
    text: shown(error.message) ?? `error ${error.code}`,
    detail: {
      domain: error.domain,
      level: error.level,
      str1: shown(error.str1),
      str2: shown(error.str2),
      str3: shown(error.str3),
      int1: error.int1,
      int2: error.int2,
    },
  };
};

export const faultOf = (error: VirError): Fault => {
  const native = nativeFaultOf(error);
  const text = native.text;
  const as = <K extends FaultKind>(kind: K, members: FaultMembers[K]): Fault => fault(kind, members, text, native);
  const kind = faultKindOf(error);
  switch (kind) {
    case 'object-not-found':
      return as(kind, { type: TYPES[error.code] ?? 'vm', id: quoted(text) });
    case 'duplicate-name':
    case 'already-exists':
      return as(kind, { name: quoted(text) });
    case 'invalid-argument':
      return as(kind, { property: '' });
    case 'no-permission':
      return as(kind, { privilege: '' });
    case 'no-disk-space':
      return as(kind, { storage: quoted(text) });
    default:
      // The other kinds of the table have no member that must be given.
      return as(kind as 'internal', {});
  }
};

/** What our own half of the conversation has to say. */
export const lost = (reason: string): Fault => fault('host-communication', {}, reason);
export const unreadable = (procedure: string, error: DecodeError): Fault =>
  fault('host-communication', {}, `the answer to ${procedure} cannot be read: ${error.message}`);
export const tookTooLong = (procedure: string, limitMs: number): Fault =>
  fault('timeout', {}, `no answer to ${procedure} within ${limitMs} ms; the host may still be at it`);
