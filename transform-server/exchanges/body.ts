/** The body of a streamed answer: text in pieces of any size comes in, UTF-8 chunks of a good size go to the agent, one in flight. */

export interface Body {
  write(text: string): Promise<void>;
  /** Sends what is left and waits until the agent has it. */
  end(): Promise<void>;
}

/** Large enough to cost little a byte, small enough to be encoded in a millisecond. */
const CHUNK_BYTES = 256 * 1024;
/** UTF-16 units: an answer that stays below needs no buffer. */
const SMALL = 16 * 1024;

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;

/**
 * `send` takes a copy before it returns: the bytes are written over with the next chunk. `ready` runs before every chunk: what the
 * text shows must be durable first.
 */
export const createBody = (send: (bytes: Uint8Array) => Promise<void>, ready: () => Promise<void>): Body => {
  const encoder = new TextEncoder();
  let held = '';
  let buffer: Uint8Array | undefined;
  let filled = 0;
  let flight: Promise<void> | undefined;

  const leave = async (chunk: Uint8Array): Promise<void> => {
    await ready();
    await flight;
    flight = send(chunk);
    // Seen by whoever awaits the next chunk or the end; not an unhandled rejection until then.
    flight.catch(() => undefined);
  };

  const flush = async (): Promise<void> => {
    if (buffer === undefined || filled === 0) return;
    const chunk = buffer.subarray(0, filled);
    filled = 0;
    await leave(chunk);
  };

  return {
    write: async (text) => {
      held = held === '' ? text : held + text;
      if (held.length < SMALL) return;
      buffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
      // Never between the halves of a surrogate pair.
      const whole = isHigh(held.charCodeAt(held.length - 1)) ? held.length - 1 : held.length;
      let rest = whole === held.length ? held : held.slice(0, whole);
      held = held.slice(whole);
      for (;;) {
        const { read, written } = encoder.encodeInto(rest, buffer.subarray(filled));
        filled += written;
        if (read === rest.length) return;
        rest = rest.slice(read);
        await flush();
      }
    },
    end: async () => {
      await flush();
      const rest = held;
      held = '';
      if (rest !== '') await leave(Buffer.from(rest, 'utf8'));
      await flight;
    },
  };
};
