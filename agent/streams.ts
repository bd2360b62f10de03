/** The stream route: a transfer the server resolved in, bytes between client and host inside this agent, with ranges and back-pressure. */

import type { Fault, Outcome } from '../mappings/generic/faults.ts';
import { fault, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { DiskContent, Front, HostStream, StreamRequest, StreamTarget } from '../mappings/generic/platform.ts';
import type { Client } from './client.ts';
import { downloadDisk } from './disk-download.ts';
import { uploadDisk } from './disk-upload.ts';
import type { HostSession } from './host-session.ts';
import { runTunnel, type TunnelTarget } from './tunnel.ts';

type NativeTarget = Extract<StreamTarget, { kind: 'native' }>;
type StreamedTarget = NativeTarget | TunnelTarget;

export interface Transfer {
  readonly client: Client;
  readonly front: Front;
  readonly target: StreamTarget & { readonly host: HubId };
  readonly host: HostSession | undefined;
  readonly request: StreamRequest;
  /** Whoever asked to be told of the end, before the client is. */
  readonly tell?: (outcome: Outcome) => Promise<void>;
}

const answerFault = (client: Client, front: Front, reason: Fault): void =>
  client.answer(front.streamAnswer(refused(reason)));

/** Whether the head is out already. Who waits for 100 Continue is told that instead, and answered at the end. */
const answerFirst = (client: Client, { answersFirst, status, headers }: NativeTarget): boolean => {
  if (answersFirst !== true || client.head.awaitsContinue) return false;
  client.open({ status, headers }, -1);
  return true;
};

/** The end of an upload, for a client that is still there. */
const answerEnd = (client: Client, front: Front, target: NativeTarget, opened: boolean, outcome: Outcome): void => {
  if (client.gone) return;
  if (!opened) {
    const { status, headers } = target;
    client.answer(front.streamAnswer(outcome.ok ? { ok: true, value: { status, headers: { ...headers } } } : outcome));
  } else if (outcome.ok) client.end();
  // An answer that began well must not end well.
  else client.destroy();
};

const download = async (
  client: Client,
  front: Front,
  target: NativeTarget,
  stream: HostStream,
): Promise<Outcome<undefined>> => {
  let left = target.lengthBytes < 0 ? Number.POSITIVE_INFINITY : target.lengthBytes;
  let opened = false;
  const open = (): void => {
    if (opened) return;
    opened = true;
    client.open({ status: target.status, headers: target.headers }, target.lengthBytes);
  };
  stream.onChunk((bytes) => {
    if (left <= 0) return;
    const piece = bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= piece.length;
    open();
    const room = client.write(piece);
    if (left <= 0) stream.abort('the client has all it asked for');
    else if (room !== undefined) {
      stream.pause();
      void room.then(() => stream.resume());
    }
  });
  client.onGone(() => stream.abort('the client is gone'));
  const started = await stream.opened;
  if (!started.ok) {
    if (!client.gone) answerFault(client, front, started.fault);
    return started;
  }
  const outcome = await stream.finished;
  const complete = left === 0 || (outcome.ok && left === Number.POSITIVE_INFINITY);
  if (client.gone) return outcome;
  if (complete) {
    open();
    client.end();
    return { ok: true, value: undefined };
  }
  // Fewer bytes than were announced: a broken transfer must look broken.
  if (opened) client.destroy();
  else
    answerFault(
      client,
      front,
      outcome.ok ? fault('host-communication', {}, 'the host sent fewer bytes than the file has') : outcome.fault,
    );
  return outcome;
};

const upload = async (
  { client, front, tell }: Transfer,
  target: NativeTarget,
  stream: HostStream,
  host: HostSession,
): Promise<Outcome<undefined>> => {
  const started = await stream.opened;
  if (!started.ok) {
    await tell?.(started);
    answerFault(client, front, started.fault);
    return started;
  }
  const opened = answerFirst(client, target);
  let failed = false;
  void stream.finished.then((outcome) => {
    failed ||= !outcome.ok;
  });
  let sentBytes = 0;
  try {
    for await (const bytes of client.body()) {
      if (failed) break;
      sentBytes += bytes.length;
      if (target.lengthBytes >= 0 && sentBytes > target.lengthBytes) break;
      stream.write(bytes);
      await stream.drained();
    }
  } catch {
    // The client went away in the middle of its body.
    if (target.cutIsEnd === true && !failed) stream.end();
    else stream.abort('the client is gone');
    const cut = await stream.finished;
    await host.settle(target.touches);
    const outcome: Outcome<undefined> =
      target.cutIsEnd === true ? cut : refused(fault('cancelled', {}, 'the client went away'));
    await tell?.(outcome);
    return outcome;
  }
  const short = target.lengthBytes >= 0 && sentBytes !== target.lengthBytes;
  if (short) stream.abort('the body has another length than announced');
  else if (!failed) stream.end();
  const outcome = await stream.finished;
  const result: Outcome<undefined> =
    short && outcome.ok ? refused(fault('invalid-request', {}, 'the body has another length than announced')) : outcome;
  // The client reads its own write: the store has it before the answer goes out.
  await host.settle(target.touches);
  await tell?.(result);
  answerEnd(client, front, target, opened, result);
  return result;
};

const tunnel = async (transfer: Transfer, target: TunnelTarget, stream: HostStream): Promise<Outcome<undefined>> => {
  const { client, front, request } = transfer;
  client.onGone(() => stream.abort('the client is gone'));
  const started = await stream.opened;
  if (!started.ok) {
    if (!client.gone) answerFault(client, front, started.fault);
    return started;
  }
  if (client.gone) return refused(fault('cancelled', {}, 'the client went away'));
  return runTunnel(client, target, stream, request.tunnel === 'websocket');
};

const run = (transfer: Transfer, target: StreamedTarget, host: HostSession, stream: HostStream) => {
  const { client, front } = transfer;
  if (target.kind === 'tunnel') return tunnel(transfer, target, stream);
  return target.direction === 'download'
    ? download(client, front, target, stream)
    : upload(transfer, target, stream, host);
};

/** The file is of another format than the disk the client speaks of. */
const translated = async (
  { client, front, tell }: Transfer,
  target: NativeTarget,
  content: DiskContent,
  host: HostSession,
): Promise<void> => {
  const { call, direction, status, headers } = target;
  const cutIsEnd = target.cutIsEnd === true;
  let opened = direction === 'upload' && answerFirst(client, target);
  const open = (lengthBytes: number): void => {
    opened = true;
    client.open({ status, headers }, lengthBytes);
  };
  const outcome = await (direction === 'download'
    ? downloadDisk({ client, host, call, content, open })
    : uploadDisk({ client, host, call, content, cutIsEnd }));
  if (direction === 'upload') await host.settle(target.touches);
  await tell?.(outcome);
  answerEnd(client, front, target, opened, outcome);
};

export const runTransfer = async (transfer: Transfer): Promise<void> => {
  const { client, front, target, host, request } = transfer;
  const headOnly = request.method === 'HEAD';
  if (target.kind === 'bytes') {
    client.answer({ status: target.status, headers: target.headers, body: headOnly ? '' : target.bytes });
    return;
  }
  if (headOnly && target.kind === 'native') {
    const length = target.lengthBytes < 0 ? {} : { 'content-length': String(target.lengthBytes) };
    client.answer({ status: target.status, headers: { ...target.headers, ...length }, body: '' });
    return;
  }
  if (host === undefined)
    return answerFault(client, front, fault('host-communication', {}, 'no connection to the host'));
  if (target.kind === 'native' && target.content !== undefined)
    return translated(transfer, target, target.content, host);
  const opened = await host.stream(target.call, target.kind === 'tunnel' ? 'both' : target.direction);
  if (!opened.ok) {
    await transfer.tell?.(opened);
    return answerFault(client, front, opened.fault);
  }
  try {
    const outcome = await run(transfer, target, host, opened.value.stream);
    // The end of an upload was told before its answer.
    if (target.kind === 'native' && target.direction === 'download') await transfer.tell?.(outcome);
  } finally {
    opened.value.close();
  }
};
