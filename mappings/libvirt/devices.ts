/** The disks and cards of a domain document, as facts with the spans they came from: what scan, input and plans all read. */
import type { Bus, Slot } from '../generic/model.ts';
import { type DriveAddress, slotOf } from './slots.ts';
import { attribute, child, children, path, type Span } from './spans.ts';
import { busOf } from './states.ts';

export interface DiskFacts {
  readonly span: Span;
  readonly device: 'disk' | 'cdrom' | 'floppy';
  readonly dev: string;
  readonly bus: Bus;
  readonly slot: Slot;
  /** `disk type='file'` and `'block'`: where the host finds it. */
  readonly path: string | undefined;
  readonly pool: string | undefined;
  readonly volume: string | undefined;
  readonly format: string | undefined;
}

export interface NicFacts {
  readonly span: Span;
  readonly mac: string;
  /** Marked as chosen by somebody (libvirt 6.6 and later keep the mark). */
  readonly isStatic: boolean;
  readonly network: string | undefined;
  readonly bridge: string | undefined;
}

const addressFacts = (text: string, disk: Span): DriveAddress | undefined => {
  const address = child(disk, 'address');
  if (!address || attribute(text, address, 'type') !== 'drive') return undefined;
  const number = (name: string): number => Number(attribute(text, address, name) ?? 0);
  return { controller: number('controller'), bus: number('bus'), target: number('target'), unit: number('unit') };
};

/** Disks, CD-ROMs and floppies in the order of the document; a `lun` is none of the hub's devices and is left alone. */
export const disksOf = (text: string, domain: Span): DiskFacts[] =>
  children(child(domain, 'devices'), 'disk').flatMap((span): DiskFacts[] => {
    const device = attribute(text, span, 'device') ?? 'disk';
    const target = child(span, 'target');
    if (!target || (device !== 'disk' && device !== 'cdrom' && device !== 'floppy')) return [];
    const dev = attribute(text, target, 'dev') ?? '';
    const bus = busOf(attribute(text, target, 'bus'), dev);
    const from = child(span, 'source');
    const driver = child(span, 'driver');
    const get = (name: string): string | undefined => (from ? attribute(text, from, name) : undefined);
    return [
      {
        span,
        device,
        dev,
        bus,
        slot: slotOf(bus, dev, addressFacts(text, span)),
        path: get('file') ?? get('dev'),
        pool: get('pool'),
        volume: get('volume'),
        format: driver && attribute(text, driver, 'type'),
      },
    ];
  });

export const nicsOf = (text: string, domain: Span): NicFacts[] =>
  children(child(domain, 'devices'), 'interface').map((span): NicFacts => {
    const mac = path(span, 'mac');
    const from = child(span, 'source');
    return {
      span,
      mac: (mac && attribute(text, mac, 'address')) ?? '',
      isStatic: mac !== undefined && attribute(text, mac, 'type') === 'static',
      network: from && attribute(text, from, 'network'),
      bridge: from && attribute(text, from, 'bridge'),
    };
  });

/** The document that says what the VM is now: the live one while it runs. */
export const currentDomain = (parts: Readonly<Record<string, string>>): string => {
  const text = parts['live'] ?? parts['domain'];
  if (text === undefined) throw new Error('a vm without its domain document');
  return text;
};
