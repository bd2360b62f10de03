/** A program in; the same under libfaketime, and a way to set the clock of each one that is started, while it runs, out. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';

/** Debian's libfaketime, for programs with threads. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

export const canStepClocks = (): boolean => existsSync(LIBRARY);

export type ClockProgram = {
  readonly program: string;
  /** So many seconds beside the true time, for the program whose state directory has this name. */
  readonly step: (name: string, seconds: number) => void;
};

/** What time it is for who answers there. */
export const timeOf = async (url: string): Promise<number> => {
  const request = url.startsWith('https:') ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(Date.parse(answer.headers.date ?? ''));
    });
    asked.once('error', reject);
    asked.end();
  });
};

export const clockProgram = (folder: string, program: string): ClockProgram => {
  if (!canStepClocks()) throw new Error(`no ${LIBRARY} (Debian: apt-get install libfaketime)`);
  const clocks = join(folder, 'clocks');
  mkdirSync(clocks);
  const wrapper = join(folder, 'with-clock');
  // Each has its file by the name of its state directory; steady time is left alone, as a stepped clock leaves it.
  writeFileSync(
    wrapper,
    `#!/bin/sh
before=
for word in "$@"; do
  [ "$before" = --state ] && export FAKETIME_TIMESTAMP_FILE="${clocks}/\${word##*/}"
  before=$word
done
[ -z "\${FAKETIME_TIMESTAMP_FILE:-}" ] || [ -e "$FAKETIME_TIMESTAMP_FILE" ] || echo +0 >"$FAKETIME_TIMESTAMP_FILE"
export LD_PRELOAD=${LIBRARY} FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
exec "${program}" "$@"
`,
    { mode: 0o755 },
  );
  return {
    program: wrapper,
    step: (name, seconds) => writeFileSync(join(clocks, name), `${seconds < 0 ? '' : '+'}${seconds}\n`),
  };
};
