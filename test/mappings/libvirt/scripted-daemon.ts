// A daemon's side of the wire for unit tests: answers what our transport sends, in any order the test likes.
import { type Fields, type Procedure, procedureNamed, procedureNumbered } from '../../../mappings/libvirt/codec.ts';
import { type VirError, virError } from '../../../mappings/libvirt/faults.ts';
import { type Frame, FrameCutter, PROGRAM_KEEPALIVE } from '../../../mappings/libvirt/frames.ts';
import { type LibvirtTransport, openTransport, type TransportOptions } from '../../../mappings/libvirt/transport.ts';
import { XdrReader, XdrWriter } from '../../../mappings/wire/xdr.ts';

export type Seen = {
  readonly name: string;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly args: Fields;
  readonly data: Buffer;
};

export const frame = (
  program: number,
  procedure: number,
  type: number,
  serial: number,
  status: number,
  body: (w: XdrWriter) => void = () => {},
): Buffer => {
  const writer = new XdrWriter();
  for (const word of [0, program, 1]) writer.uint(word);
  writer.int(procedure);
  writer.int(type);
  writer.uint(serial);
  writer.int(status);
  body(writer);
  writer.patchUint(0, writer.length);
  return writer.take();
};

const named = (name: string): Procedure => {
  const procedure = procedureNamed(name);
  if (!procedure) throw new Error(`no procedure ${name}`);
  return procedure;
};

export const reply = (name: string, serial: number, ret: Fields): Buffer => {
  const { program, number, ret: codec } = named(name);
  return frame(program, number, 1, serial, 0, (w) => codec.write(w, ret));
};

export const error = (name: string, serial: number, code: number, message: string, type = 1): Buffer => {
  const { program, number } = named(name);
  const value: VirError = {
    code,
    domain: 10,
    message,
    level: 2,
    dom: null,
    str1: '%s',
    str2: message,
    str3: null,
    int1: -1,
    int2: -1,
    net: null,
  };
  return frame(program, number, type, serial, 1, (w) => virError.write(w, value));
};

export const streamFrame = (
  name: string,
  serial: number,
  status: number,
  data: Uint8Array = Buffer.alloc(0),
): Buffer => {
  const { program, number } = named(name);
  return frame(program, number, 3, serial, status, (w) => w.raw(data));
};

/** What the transport has sent since the last look. */
export const sent = (transport: LibvirtTransport): Seen[] => {
  const seen: Seen[] = [];
  const take = (f: Frame): void => {
    const procedure = procedureNumbered(f.program, f.procedure);
    const name = f.program === PROGRAM_KEEPALIVE ? (f.procedure === 1 ? 'PING' : 'PONG') : (procedure?.name ?? '?');
    const args = f.type === 0 && procedure ? procedure.args.read(new XdrReader(f.bytes, f.start, f.end)) : {};
    seen.push({ name, type: f.type, serial: f.serial, status: f.status, args, data: f.bytes.subarray(f.start, f.end) });
  };
  const cutter = new FrameCutter();
  for (const bytes of transport.drain()) cutter.push(bytes, take);
  if (cutter.held > 0) throw new Error('half a frame was sent');
  return seen;
};

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Plays the log-in through; returns the names of what was asked. */
export const logIn = async (transport: LibvirtTransport, answers: Record<string, Fields> = {}): Promise<string[]> => {
  const asked: string[] = [];
  const ret: Record<string, Fields> = {
    AUTH_LIST: { types: [0] },
    AUTH_POLKIT: { complete: 1 },
    CONNECT_OPEN: {},
    CONNECT_SUPPORTS_FEATURE: { supported: 1 },
    ...answers,
  };
  for (let turn = 0; turn < 10; turn++) {
    await settled();
    for (const { name, serial, args } of sent(transport)) {
      asked.push(name === 'CONNECT_SUPPORTS_FEATURE' ? `feature ${args['feature']}` : name);
      const answer = ret[name];
      if (!answer) throw new Error(`the log-in asked ${name}`);
      transport.receive(reply(name, serial, answer), 0);
    }
  }
  return asked;
};

/** A transport whose log-in went through. */
export const opened = async (options?: TransportOptions): Promise<LibvirtTransport> => {
  const transport = openTransport('test:///default', options);
  await logIn(transport);
  const ready = await transport.ready;
  if (!ready.ok) throw new Error(ready.fault.text);
  return transport;
};
/** The one frame that was sent since the last look. */
export const callAt = (transport: LibvirtTransport): { name: string; serial: number } => {
  const [call, ...more] = sent(transport);
  if (!call || more.length > 0) throw new Error('not one frame');
  return call;
};
