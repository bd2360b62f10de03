/** The screen of a simulated VM as a stream: the server's half of RFB 3.8 (RFC 6143), without a password, 32 bits a pixel, raw rectangles. */
import { type Fault, fault, type Outcome, refused } from '../generic/faults.ts';
import type { SimStream } from './stream.ts';

type Ask = Parameters<SimStream['pump']>[0];

const text = (ascii: string): Uint8Array => new TextEncoder().encode(ascii);
const VERSION = text('RFB 003.008\n');
const PIXEL_BYTES = 4;
/** Bits a pixel, depth, little-endian, true colour, the greatest of each colour, the shifts of red, green and blue, padding. */
const PIXEL_FORMAT = [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0];
/** Lengths of a client's messages by type; [2] and [6] have a count in their head. */
const LENGTHS: Readonly<Record<number, number>> = { 0: 20, 2: 4, 3: 10, 4: 8, 5: 6, 6: 8 };
const MOST_CLIENT_BYTES = 1024 * 1024;

interface Image {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** A binary PPM, as the machine paints it. */
const imageOf = (ppm: Uint8Array): Image => {
  const head = new TextDecoder('latin1').decode(ppm.subarray(0, 32));
  const [whole = '', width = '0', height = '0'] = /^P6\n(\d+) (\d+)\n255\n/.exec(head) ?? [];
  return { width: Number(width), height: Number(height), rgb: ppm.subarray(whole.length) };
};

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

const updateOf = ({ width, height, rgb }: Image): Uint8Array => {
  const head = [0, 0, ...u16(1), ...u16(0), ...u16(0), ...u16(width), ...u16(height), ...u32(0)];
  const bytes = new Uint8Array(head.length + width * height * PIXEL_BYTES);
  bytes.set(head);
  for (let n = 0; n < width * height; n++) {
    const at = head.length + n * PIXEL_BYTES;
    bytes[at] = rgb[n * 3 + 2] ?? 0;
    bytes[at + 1] = rgb[n * 3 + 1] ?? 0;
    bytes[at + 2] = rgb[n * 3] ?? 0;
  }
  return bytes;
};

export const openScreen = (vm: unknown, wake: () => void): SimStream => {
  const { promise: opened, resolve: open } = Promise.withResolvers<Outcome<Record<string, unknown>>>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<Outcome<undefined>>();
  let state: 'new' | 'version' | 'security' | 'init' | 'messages' | 'over' = 'new';
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let pausing = false;
  let ending = false;
  let aborted: Fault | undefined;
  const came: number[] = [];
  const out: Uint8Array[] = [];
  /** Bytes of the client's that are passed over: its encodings, its clipboard. */
  let skip = 0;
  let wants = false;

  const settle = (outcome: Outcome<undefined>): void => {
    if (state === 'over') return;
    if (state === 'new') open(outcome.ok ? { ok: true, value: {} } : outcome);
    state = 'over';
    finish(outcome);
  };
  const give = (): void => {
    while (listener && !pausing && out.length > 0) listener(out.shift() as Uint8Array);
  };
  const take = (count: number): number[] | undefined => (came.length < count ? undefined : came.splice(0, count));
  const paint = (ask: Ask): Image | undefined => {
    const painted = ask('VM.screenshot', { vm });
    if (painted.ok) return imageOf(painted.value['bytes'] as Uint8Array);
    settle(painted);
    return undefined;
  };

  /** One message of the client; false: it has not come whole. */
  const message = (): boolean => {
    if (skip > 0) {
      skip -= came.splice(0, skip).length;
      return skip === 0;
    }
    const [type = -1] = came;
    const length = LENGTHS[type];
    if (came.length === 0) return false;
    if (length === undefined) {
      settle(refused(fault('invalid-request', {}, `no message of RFB: ${type}`)));
      return false;
    }
    const all = take(length);
    if (all === undefined) return false;
    const [, , high = 0, low = 0, a = 0, b = 0, c = 0, d = 0] = all;
    if (type === 2) skip = (high * 256 + low) * 4;
    else if (type === 6) skip = ((a * 256 + b) * 256 + c) * 256 + d;
    else if (type === 3) wants = true;
    return true;
  };

  /** One step of the conversation; false: there is nothing to do. */
  const step = (ask: Ask): boolean => {
    switch (state) {
      case 'version': {
        if (take(VERSION.length) === undefined) return false;
        out.push(Uint8Array.of(1, 1));
        state = 'security';
        return true;
      }
      case 'security': {
        if (take(1) === undefined) return false;
        out.push(Uint8Array.from(u32(0)));
        state = 'init';
        return true;
      }
      case 'init': {
        const image = came.length > 0 ? paint(ask) : undefined;
        if (image === undefined || take(1) === undefined) return false;
        const name = text(String(vm));
        out.push(
          Uint8Array.from([...u16(image.width), ...u16(image.height), ...PIXEL_FORMAT, ...u32(name.length), ...name]),
        );
        state = 'messages';
        return true;
      }
      case 'messages': {
        if (message()) return true;
        const image = wants && state === 'messages' ? paint(ask) : undefined;
        if (image === undefined) return false;
        wants = false;
        out.push(updateOf(image));
        return true;
      }
      default:
        return false;
    }
  };

  return {
    stream: {
      opened,
      finished,
      onChunk: (take) => {
        listener = take;
        wake();
      },
      pause: () => {
        pausing = true;
      },
      resume: () => {
        pausing = false;
        wake();
      },
      write: (bytes) => {
        if (state === 'over' || came.length + bytes.length > MOST_CLIENT_BYTES) return;
        came.push(...bytes);
        wake();
      },
      drained: () => Promise.resolve(),
      end: () => {
        ending = true;
        wake();
      },
      abort: (reason) => {
        aborted ??= fault('cancelled', {}, reason);
        wake();
      },
    },
    pump: (ask) => {
      if (aborted) return settle(refused(aborted));
      if (state === 'new') {
        // A VM that does not run has no screen: the stream does not open.
        if (paint(ask) === undefined) return;
        state = 'version';
        open({ ok: true, value: {} });
        out.push(VERSION);
      }
      while (step(ask));
      give();
      if (ending) settle({ ok: true, value: undefined });
    },
    eager: false,
    lost: (reason) => settle(refused(reason)),
  };
};
