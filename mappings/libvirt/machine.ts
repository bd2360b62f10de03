// The sans-io half of a libvirt connection: bytes in, replies, events and stream signals out; calls in, bytes out. Keepalive included.
import { type Fault, type Outcome, refused } from '../generic/faults.ts';
import { DecodeError, XdrReader, XdrWriter } from '../wire/xdr.ts';
import { type Event, eventNumbered, type Fields, type Procedure } from './codec.ts';
import { faultOf, unreadable, virError } from './faults.ts';
import {
  CALL,
  FRAME_MAX_BYTES,
  type Frame,
  FrameCutter,
  HEADER_BYTES,
  MESSAGE,
  PING,
  PONG,
  PROGRAM_KEEPALIVE,
  REPLY,
  REPLY_WITH_FDS,
  STATUS_CONTINUE,
  STATUS_ERROR,
  STATUS_OK,
  STREAM,
  STREAM_HOLE,
} from './frames.ts';

/** What happened, told while `receive` or `tick` runs. Serials are those `call` returned. */
export type Sink = {
  reply(serial: number, outcome: Outcome<Fields>): void;
  event(event: Event, payload: Fields): void;
  /** A view of received bytes: valid as long as it is held. */
  streamData(serial: number, data: Buffer): void;
  streamHole(serial: number, lengthBytes: bigint): void;
  /** The stream is over on both sides. After it the serial is free. */
  streamClosed(serial: number, outcome: Outcome<undefined>): void;
};

export type KeepaliveOptions = {
  /** A ping after so long without a byte. */
  readonly intervalMs: number;
  /** So many pings without a byte: the peer is gone. */
  readonly count: number;
};

export type Machine = {
  /** Throws EncodeError and leaves nothing behind when the arguments do not fit the procedure. */
  call(procedure: Procedure, args: Fields): number;
  /** Throws DecodeError when the peer cannot be understood; nothing more can be received then. */
  receive(bytes: Uint8Array): void;
  /** Starts and drives keepalive. Throws DecodeError when the peer has been silent too long. */
  tick(nowMs: number, paused: boolean): void;
  wakeAt(): number | undefined;
  drain(): Uint8Array[];
  readonly outputBytes: number;
  startKeepalive(options: KeepaliveOptions): void;
  /** Data of an upload or a console; false when the stream takes none any more. */
  streamSend(serial: number, data: Uint8Array): boolean;
  /** A run of zeroes, where the call asked for a sparse stream. */
  streamHole(serial: number, lengthBytes: bigint): boolean;
  /** Ends our side cleanly; `streamClosed` follows. */
  streamFinish(serial: number): void;
  streamAbort(serial: number): void;
  /** Every call and stream that waits is answered by this fault. */
  end(fault: Fault): void;
  /** Frames that were legitimately skipped: late stream data, events of other programs or newer servers. */
  readonly skipped: number;
};

/** libvirt's own unit of stream data: 256 KiB less a header. */
const STREAM_CHUNK_BYTES = 262_120;
/** Data smaller than this is copied behind its header: one write instead of two. */
const COPY_BYTES = 4096;

type Stream = {
  readonly procedure: Procedure;
  state: 'opening' | 'open' | 'finishing' | 'aborting';
  endsEarly?: boolean;
};

export const createMachine = (sink: Sink): Machine => {
  const cutter = new FrameCutter();
  const writer = new XdrWriter(16 * 1024);
  const waiting = new Map<number, Procedure>();
  const streams = new Map<number, Stream>();
  let output: Uint8Array[] = [];
  let outputBytes = 0;
  let nextSerial = 1;
  let skipped = 0;
  let broken: DecodeError | undefined;
  let keepalive: KeepaliveOptions | undefined;
  let heard = true;
  let quietSinceMs: number | undefined;
  let pings = 0;

  const header = (
    program: number,
    procedure: number,
    type: number,
    serial: number,
    status: number,
    length: number,
  ): void => {
    writer.uint(length);
    writer.uint(program);
    writer.uint(1);
    writer.int(procedure);
    writer.int(type);
    writer.uint(serial);
    writer.int(status);
  };
  const empty = (program: number, procedure: number, type: number, serial: number, status: number): void =>
    header(program, procedure, type, serial, status, HEADER_BYTES);

  const serialOf = (): number => {
    // After 2^32 calls numbers come again; those still in use are passed over.
    for (;;) {
      const serial = nextSerial;
      nextSerial = nextSerial >= 0xffff_ffff ? 1 : nextSerial + 1;
      if (!waiting.has(serial) && !streams.has(serial)) return serial;
    }
  };

  const call = (procedure: Procedure, args: Fields): number => {
    const serial = serialOf();
    const start = writer.length;
    try {
      header(procedure.program, procedure.number, CALL, serial, STATUS_OK, 0);
      procedure.args.write(writer, args);
      const length = writer.length - start;
      if (length > FRAME_MAX_BYTES) throw new RangeError(`call of ${length} bytes, at most ${FRAME_MAX_BYTES}`);
      writer.patchUint(start, length);
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
    waiting.set(serial, procedure);
    if (procedure.reads || procedure.writes) streams.set(serial, { procedure, state: 'opening' });
    return serial;
  };

  const readError = (reader: XdrReader): Fault => {
    const error = virError.read(reader);
    reader.end();
    return faultOf(error);
  };

  const reply = (frame: Frame): void => {
    const procedure = waiting.get(frame.serial);
    if (!procedure || procedure.number !== frame.procedure || procedure.program !== frame.program) {
      throw new DecodeError(`reply to procedure ${frame.procedure} with serial ${frame.serial}, which was not called`);
    }
    waiting.delete(frame.serial);
    const reader = new XdrReader(frame.bytes, frame.start, frame.end);
    let outcome: Outcome<Fields>;
    try {
      if (frame.status === STATUS_OK) {
        const value = procedure.ret.read(reader);
        reader.end();
        outcome = { ok: true, value };
      } else if (frame.status === STATUS_ERROR) {
        outcome = refused(readError(reader));
      } else {
        throw new DecodeError(`reply with status ${frame.status}`);
      }
    } catch (error) {
      // The frame's borders hold, so only this answer is lost.
      if (!(error instanceof DecodeError)) throw error;
      outcome = refused(unreadable(procedure.name, error));
    }
    const stream = streams.get(frame.serial);
    if (stream) {
      if (outcome.ok) stream.state = stream.state === 'opening' ? 'open' : stream.state;
      else if (frame.status === STATUS_ERROR) streams.delete(frame.serial);
      else streamAbort(frame.serial);
    }
    sink.reply(frame.serial, outcome);
    if (stream?.endsEarly === true && stream.state === 'open') streamFinish(frame.serial);
  };

  const message = (frame: Frame): void => {
    if (frame.program === PROGRAM_KEEPALIVE) {
      if (frame.procedure === PING) empty(PROGRAM_KEEPALIVE, PONG, MESSAGE, 0, STATUS_OK);
      return;
    }
    const event = eventNumbered(frame.program, frame.procedure);
    if (!event) {
      skipped++;
      return;
    }
    const reader = new XdrReader(frame.bytes, frame.start, frame.end);
    const payload = event.payload.read(reader);
    reader.end();
    sink.event(event, payload);
  };

  const closeStream = (serial: number, outcome: Outcome<undefined>): void => {
    streams.delete(serial);
    sink.streamClosed(serial, outcome);
  };

  const streamFrame = (frame: Frame): void => {
    const stream = streams.get(frame.serial);
    if (!stream || stream.procedure.number !== frame.procedure) {
      // What was on its way when the stream ended.
      skipped++;
      return;
    }
    if (frame.status === STATUS_ERROR) {
      let fault: Fault;
      try {
        fault = readError(new XdrReader(frame.bytes, frame.start, frame.end));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        fault = unreadable(stream.procedure.name, error);
      }
      closeStream(frame.serial, refused(fault));
    } else if (frame.status === STATUS_OK) {
      closeStream(frame.serial, { ok: true, value: undefined });
    } else if (frame.status !== STATUS_CONTINUE) {
      throw new DecodeError(`stream frame with status ${frame.status}`);
    } else if (stream.state === 'aborting') {
      skipped++;
    } else if (frame.type === STREAM_HOLE) {
      const reader = new XdrReader(frame.bytes, frame.start, frame.end);
      const lengthBytes = reader.hyper();
      reader.uint();
      reader.end();
      if (lengthBytes < 0n) throw new DecodeError(`hole of ${lengthBytes} bytes`);
      sink.streamHole(frame.serial, lengthBytes);
    } else if (frame.start === frame.end) {
      // The server's end of data; the stream ends when it has confirmed ours. libvirtd may send data and end before the reply to
      // the very call (seen with DOMAIN_SCREENSHOT, 9.0): its event loop and the worker that replies race.
      if (stream.state === 'opening') stream.endsEarly = true;
      else streamFinish(frame.serial);
    } else {
      sink.streamData(frame.serial, frame.bytes.subarray(frame.start, frame.end));
    }
  };

  const take = (frame: Frame): void => {
    if (frame.version !== 1) throw new DecodeError(`program ${frame.program} has version ${frame.version}`);
    switch (frame.type) {
      case REPLY:
      case REPLY_WITH_FDS:
        reply(frame);
        break;
      case MESSAGE:
        message(frame);
        break;
      case STREAM:
      case STREAM_HOLE:
        streamFrame(frame);
        break;
      default:
        throw new DecodeError(`a server does not send frames of type ${frame.type}`);
    }
  };

  const receive = (bytes: Uint8Array): void => {
    if (broken) throw broken;
    heard = true;
    try {
      cutter.push(bytes, take);
    } catch (error) {
      if (error instanceof DecodeError) broken = error;
      throw error;
    }
  };

  const tick = (nowMs: number, paused: boolean): void => {
    if (!keepalive) return;
    // While a slow reader holds the socket nothing can be heard, and nobody is to blame.
    if (heard || paused || quietSinceMs === undefined) {
      heard = false;
      quietSinceMs = nowMs;
      pings = 0;
      return;
    }
    if (nowMs < quietSinceMs + keepalive.intervalMs * (pings + 1)) return;
    if (pings >= keepalive.count) {
      broken = new DecodeError(`nothing heard for ${nowMs - quietSinceMs} ms, ${pings} pings unanswered`);
      throw broken;
    }
    pings++;
    empty(PROGRAM_KEEPALIVE, PING, MESSAGE, 0, STATUS_OK);
  };

  const writable = (serial: number): Stream | undefined => {
    const stream = streams.get(serial);
    return stream && (stream.state === 'open' || stream.state === 'opening') && stream.procedure.writes
      ? stream
      : undefined;
  };

  const streamSend = (serial: number, data: Uint8Array): boolean => {
    const stream = writable(serial);
    if (!stream) return false;
    const { program, number } = stream.procedure;
    // An empty chunk would mean the end of data.
    for (let at = 0; at < data.length; at += STREAM_CHUNK_BYTES) {
      const chunk = data.subarray(at, at + STREAM_CHUNK_BYTES);
      header(program, number, STREAM, serial, STATUS_CONTINUE, HEADER_BYTES + chunk.length);
      if (chunk.length <= COPY_BYTES) writer.raw(chunk);
      else {
        flush();
        output.push(chunk);
        outputBytes += chunk.length;
      }
    }
    return true;
  };

  const streamHole = (serial: number, lengthBytes: bigint): boolean => {
    const stream = writable(serial);
    if (!stream) return false;
    header(stream.procedure.program, stream.procedure.number, STREAM_HOLE, serial, STATUS_CONTINUE, HEADER_BYTES + 12);
    writer.hyper(lengthBytes);
    writer.uint(0);
    return true;
  };

  const streamFinish = (serial: number): void => {
    const stream = streams.get(serial);
    if (stream?.state !== 'open') return;
    stream.state = 'finishing';
    empty(stream.procedure.program, stream.procedure.number, STREAM, serial, STATUS_OK);
  };

  const streamAbort = (serial: number): void => {
    const stream = streams.get(serial);
    if (!stream || stream.state === 'finishing' || stream.state === 'aborting') return;
    stream.state = 'aborting';
    empty(stream.procedure.program, stream.procedure.number, STREAM, serial, STATUS_ERROR);
  };

  const flush = (): void => {
    if (writer.length === 0) return;
    const bytes = writer.take();
    output.push(bytes);
    outputBytes += bytes.length;
  };

  const drain = (): Uint8Array[] => {
    flush();
    const drained = output;
    output = [];
    outputBytes = 0;
    return drained;
  };

  const end = (fault: Fault): void => {
    broken ??= new DecodeError(fault.text);
    const calls = [...waiting.keys()];
    const open = [...streams].filter(([serial]) => !waiting.has(serial));
    waiting.clear();
    streams.clear();
    for (const serial of calls) sink.reply(serial, refused(fault));
    for (const [serial] of open) sink.streamClosed(serial, refused(fault));
  };

  return {
    call,
    receive,
    tick,
    wakeAt: () =>
      keepalive ? (quietSinceMs === undefined ? 0 : quietSinceMs + keepalive.intervalMs * (pings + 1)) : undefined,
    drain,
    get outputBytes() {
      return outputBytes + writer.length;
    },
    startKeepalive: (options) => {
      keepalive = options;
    },
    streamSend,
    streamHole,
    streamFinish,
    streamAbort,
    end,
    get skipped() {
      return skipped;
    },
  };
};
