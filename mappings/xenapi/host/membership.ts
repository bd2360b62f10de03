/** Records in; what of them is an object of the hub out. The control domain, default templates, snapshots and images of memory are not. */
import { mapGet, mapIn, type PlainRecord, textIn } from './plain.ts';

/** Older hosts tell a default template only by its other_config. */
const isDefaultTemplate = (vm: PlainRecord): boolean =>
  vm['is_a_template'] === true &&
  (vm['is_default_template'] === true || mapGet(mapIn(vm, 'other_config'), 'default_template') === 'true');

export const isSnapshot = (vm: PlainRecord): boolean => vm['is_a_snapshot'] === true;

/** Of a VM record: never shown by itself. */
export const isHidden = (vm: PlainRecord): boolean =>
  vm['is_control_domain'] === true || isSnapshot(vm) || isDefaultTemplate(vm);

/** Metadata, heartbeats, crash dumps and images of memory are the host's own. */
const OWN_TYPES = new Set([
  'suspend',
  'crashdump',
  'ha_statefile',
  'metadata',
  'redo_log',
  'rrd',
  'pvs_cache',
  'cbt_metadata',
]);

/** Of a VDI record. An image that the host does not manage is a chain's inner node. */
export const isVolume = (vdi: PlainRecord): boolean =>
  vdi['is_a_snapshot'] !== true && vdi['managed'] !== false && !OWN_TYPES.has(textIn(vdi, 'type'));
