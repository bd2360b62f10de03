/** The body of a streamed answer: text in pieces of any size comes in, UTF-8 chunks of a good size go to the agent, one in flight. */

export interface Body {
  write(text: string): Promise<void>;
  /** Sends what is left and waits until the agent has it. */
  end(): Promise<void>;
  readonly bytes: number;
}

/** UTF-16 units gathered before a chunk leaves: large enough to cost little a byte, small enough to encode in a millisecond. */
const CHUNK = 128 * 1024;

/** `ready` runs before every chunk: what the text shows must be durable first. */
export const createBody = (send: (bytes: Uint8Array) => Promise<void>, ready: () => Promise<void>): Body => {
  let pieces: string[] = [];
  let units = 0;
  let bytes = 0;
  let flight: Promise<void> | undefined;

  const flush = async (text: string): Promise<void> => {
    const chunk = Buffer.from(text, 'utf8');
    bytes += chunk.length;
    await ready();
    await flight;
    flight = send(chunk);
    // Seen by whoever awaits the next chunk or the end; not an unhandled rejection until then.
    flight.catch(() => undefined);
  };

  return {
    write: async (text) => {
      pieces.push(text);
      units += text.length;
      if (units < CHUNK) return;
      let whole = pieces.join('');
      pieces = [];
      units = 0;
      while (whole.length > CHUNK * 2) {
        // Never between the halves of a surrogate pair.
        const last = whole.charCodeAt(CHUNK - 1);
        const end = last >= 0xd800 && last < 0xdc00 ? CHUNK - 1 : CHUNK;
        await flush(whole.slice(0, end));
        whole = whole.slice(end);
      }
      const last = whole.charCodeAt(whole.length - 1);
      if (last >= 0xd800 && last < 0xdc00) {
        pieces.push(whole.slice(-1));
        units = 1;
        whole = whole.slice(0, -1);
      }
      await flush(whole);
    },
    end: async () => {
      if (units > 0) await flush(pieces.join(''));
      pieces = [];
      units = 0;
      await flight;
    },
    get bytes() {
      return bytes;
    },
  };
};
