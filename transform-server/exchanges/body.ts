/** The body of a streamed answer: text in pieces of any size comes in, UTF-8 chunks of a good size go to the agent, one in flight. */

export interface Body {
  write(text: string): Promise<void>;
  /** Sends what is left and waits until the agent has it. */
  end(): Promise<void>;
  readonly bytes: number;
}

/** UTF-16 units gathered before a chunk leaves: large enough to cost little a byte, small enough to encode in a millisecond. */
const CHUNK = 256 * 1024;
/** Chunks of text that is mostly ASCII fit whole. */
const BUFFER = CHUNK + CHUNK / 4;

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;

/**
 * `send` takes a copy before it returns: the bytes are written over with the next chunk. `ready` runs before every chunk: what the
 * text shows must be durable first.
 */
export const createBody = (send: (bytes: Uint8Array) => Promise<void>, ready: () => Promise<void>): Body => {
  const encoder = new TextEncoder();
  let held = '';
  let bytes = 0;
  let buffer: Uint8Array | undefined;
  let flight: Promise<void> | undefined;

  const leave = async (chunk: () => Uint8Array): Promise<void> => {
    await ready();
    await flight;
    const leaving = chunk();
    bytes += leaving.length;
    flight = send(leaving);
    // Seen by whoever awaits the next chunk or the end; not an unhandled rejection until then.
    flight.catch(() => undefined);
  };

  return {
    write: async (text) => {
      held += text;
      while (held.length >= CHUNK) {
        buffer ??= Buffer.allocUnsafeSlow(BUFFER);
        const into = buffer;
        // Never between the halves of a surrogate pair.
        const last = held.charCodeAt(held.length - 1);
        const whole = isHigh(last) ? held.slice(0, -1) : held;
        let read = 0;
        await leave(() => {
          const done = encoder.encodeInto(whole, into);
          read = done.read;
          return into.subarray(0, done.written);
        });
        held = held.slice(read);
      }
    },
    end: async () => {
      const rest = held;
      held = '';
      if (rest !== '') await leave(() => Buffer.from(rest, 'utf8'));
      await flight;
    },
    get bytes() {
      return bytes;
    },
  };
};
