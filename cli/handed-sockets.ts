/** Listening sockets that a service manager opened for this program (sd_listen_fds(3)): its environment in, file descriptors by name out. */

const FIRST_FD = 3;
const MOST = 1024;
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const;

export type HandedSockets = ReadonlyMap<string, readonly number[]>;

/** Takes the variables out of the environment: a program started from here has none of these sockets. */
export const takeHandedSockets = (environment: Record<string, string | undefined>, pid: number): HandedSockets => {
  const [meant, count, names] = VARIABLES.map((name) => environment[name]);
  for (const name of VARIABLES) delete environment[name];
  const found = new Map<string, number[]>();
  const most = Number(count);
  if (meant !== String(pid) || !Number.isInteger(most) || most < 1 || most > MOST) return found;
  const named = names === undefined || names === '' ? [] : names.split(':');
  for (let n = 0; n < most; n++) {
    const name = named[n] || 'unknown';
    found.set(name, [...(found.get(name) ?? []), FIRST_FD + n]);
  }
  return found;
};

let taken: HandedSockets | undefined;
/** Those of this program. */
export const handedSockets = (): HandedSockets => {
  taken ??= takeHandedSockets(process.env, process.pid);
  return taken;
};
