/** How far something is, in a line of the terminal that is written over; nothing where there is no terminal. */
import { Transform } from 'node:stream';
import type { Response } from 'undici';

const WIDTH = 30;
const EVERY_MS = 100;
/** What is done sooner shows nothing. */
const QUIET_MS = 300;

export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Progress {
  /** `whole` undefined: nobody knows. */
  to(done: number, whole: number | undefined): void;
  end(): void;
}

/** `[####......]  40 %` */
export const meterOf = (part: number, width: number): string => {
  const within = Math.min(1, Math.max(0, part));
  const full = Math.round(within * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${String(Math.floor(within * 100)).padStart(3)} %`;
};

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

export const barOf = (label: string, done: number, whole: number | undefined): string => {
  if (whole === undefined || whole === 0) return `${label}: ${mib(done)}`;
  return `${label}: ${meterOf(done / whole, WIDTH)}  ${mib(done)} of ${mib(whole)}`;
};

export const createProgress = (
  label: string,
  screen: Screen = process.stderr,
  now: () => number = () => performance.now(),
): Progress => {
  const begunMs = now();
  let lastMs = begunMs + QUIET_MS - EVERY_MS;
  let isShown = false;
  return {
    to: (done, whole) => {
      if (screen.isTTY !== true || now() - lastMs < EVERY_MS) return;
      lastMs = now();
      isShown = true;
      screen.write(`\r\x1b[K${barOf(label, done, whole)}`);
    },
    end: () => {
      if (isShown) screen.write('\r\x1b[K');
      isShown = false;
    },
  };
};

/** Bytes pass as they are, and move the bar. */
export const passing = (progress: Progress, whole: number | undefined): Transform => {
  let done = 0;
  return new Transform({
    transform: (piece: Buffer, _, next) => {
      done += piece.length;
      progress.to(done, whole);
      next(null, piece);
    },
    flush: (next) => {
      progress.end();
      next();
    },
    destroy: (error, next) => {
      progress.end();
      next(error);
    },
  });
};

export const lengthOf = (response: Response): number | undefined => {
  const length = response.headers.get('content-length');
  return length === null ? undefined : Number(length);
};

/** The whole body of an answer. */
export const bytesOf = async (response: Response, label: string): Promise<Buffer> => {
  const progress = createProgress(label);
  const pieces: Uint8Array[] = [];
  let done = 0;
  try {
    for await (const piece of response.body ?? []) {
      pieces.push(piece as Uint8Array);
      done += (piece as Uint8Array).length;
      progress.to(done, lengthOf(response));
    }
  } finally {
    progress.end();
  }
  return Buffer.concat(pieces);
};
