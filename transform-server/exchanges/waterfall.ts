/** The hops of one exchange in, the same on one clock and where its time went out. */
import type { ToldHop } from './log.ts';

export interface Span {
  readonly name: string;
  /** Since the exchange began. */
  readonly startMs: number;
  readonly durationMs: number;
}

const beginOf = ({ atMs, durationMs = 0 }: ToldHop): number => atMs - durationMs;

/**
 * What the server's clock is to be moved by: what the server did lies within the agent's wait for it, and in its middle where two clocks
 * say otherwise, as the way there and back takes the same time.
 */
const skewOf = (hops: readonly ToldHop[]): number => {
  const link = hops.find(({ shape }) => shape === 'link');
  const answer = hops.find(({ shape, by }) => shape === 'answer' && by === 'server');
  if (link === undefined || answer === undefined) return 0;
  const early = beginOf(link) - beginOf(answer);
  const late = answer.atMs - link.atMs;
  return early <= 0 && late <= 0 ? 0 : (beginOf(link) + link.atMs - beginOf(answer) - answer.atMs) / 2;
};

/** How the time of each shape is called; that of the others is told by hops within them. */
const NAMES: Readonly<Record<string, string>> = {
  request: 'decode',
  queue: 'queue wait',
  link: 'link',
  plan: 'plan',
  sheet: 'sheets',
  native: 'native call',
  ask: 'question to the host',
  wait: 'wait for changes',
  barrier: 'barrier',
  encode: 'encode',
  pass: 'host and back',
  answer: 'in all',
};

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

export const spansOf = (told: readonly ToldHop[]): { hops: ToldHop[]; spans: Span[] } => {
  const skew = skewOf(told);
  const hops = told
    .map((hop) => (hop.by === 'server' && skew !== 0 ? { ...hop, atMs: rounded(hop.atMs + skew) } : hop))
    // Hops of one exchange come over different ways; the clock puts them in order.
    .toSorted((a, b) => a.atMs - b.atMs);
  const fromMs = Math.min(...hops.map(beginOf));
  const hasClient = hops.some(({ shape, by }) => shape === 'answer' && by === 'agent');
  const nameOf = ({ shape, by }: ToldHop): string | undefined =>
    shape === 'answer' && by === 'server' && hasClient ? 'server' : NAMES[shape];
  const spans = hops
    .flatMap((hop) => {
      const name = nameOf(hop);
      if (name === undefined || hop.durationMs === undefined) return [];
      return [{ name, startMs: rounded(beginOf(hop) - fromMs), durationMs: rounded(hop.durationMs) }];
    })
    .toSorted((a, b) => a.startMs - b.startMs || b.durationMs - a.durationMs);
  return { hops, spans };
};
