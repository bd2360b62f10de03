/** Time as a parameter: what reads a clock or waits takes one of these, so that tests own time. */

export interface Clock {
  now(): number;
  /** The same with fractions of a millisecond, for how long something took; absent: there is nothing finer. */
  exact?(): number;
  /** Time that nobody sets, from some beginning: for what must not end because a clock was set; absent: `now` is. */
  steady?(): number;
  /** Calls once after `ms`; the answer cancels. Does not keep the program alive. */
  after(ms: number, act: () => void): () => void;
  /** Calls every `ms`; the answer cancels. Does not keep the program alive. */
  every(ms: number, act: () => void): () => void;
}

/** Of the wall clock, and how much finer time goes on since. */
let wallMs = Date.now();
let steadyMs = performance.now();
const SKEW_MS = 2;

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  exact: () => {
    const now = Date.now();
    const steady = performance.now();
    // Somebody set the clock, or the machine slept.
    if (Math.abs(now - wallMs - (steady - steadyMs)) > SKEW_MS) {
      wallMs = now;
      steadyMs = steady;
    }
    return wallMs + (steady - steadyMs);
  },
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every: (ms, act) => {
    const timer = setInterval(act, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

export const steadily = (clock: Clock): number => clock.steady?.() ?? clock.now();

export const exactly = (clock: Clock): number => clock.exact?.() ?? clock.now();

export const sleep = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve));

/** A clock that stands still until told: for tests. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export const manualClock = (startMs = 1_700_000_000_000): ManualClock => {
  let nowMs = startMs;
  let serial = 0;
  const timers = new Map<number, { atMs: number; act: () => void; everyMs?: number }>();
  const add = (timer: { atMs: number; act: () => void; everyMs?: number }): (() => void) => {
    const id = ++serial;
    timers.set(id, timer);
    return () => void timers.delete(id);
  };
  return {
    now: () => nowMs,
    after: (ms, act) => add({ atMs: nowMs + ms, act }),
    every: (ms, act) => add({ atMs: nowMs + ms, act, everyMs: ms }),
    advance: (ms) => {
      const endMs = nowMs + ms;
      for (;;) {
        const next = [...timers].filter(([, t]) => t.atMs <= endMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        const [id, timer] = next;
        nowMs = Math.max(nowMs, timer.atMs);
        if (timer.everyMs === undefined) timers.delete(id);
        else timer.atMs += timer.everyMs;
        timer.act();
      }
      nowMs = endMs;
    },
  };
};
