/** Server-sent events: what changes, as it changes (HTML, section 9.2). */
import { z } from 'zod';
import { LIMITS } from '../../../runtime/limits.ts';
import type { FeedEvent } from '../feed.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const PULSE_MS = 15_000;
/** A watcher that reads so slowly is let go; it comes again and asks anew. */
const BEHIND_BYTES = 4 * 1024 * 1024;

const textOf = ({ seq, kind, data }: FeedEvent, life: string): string =>
  `id: ${life}.${seq}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;

export const eventRoutes = ({ access, feed, clock, life }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/events',
    access: 'viewer',
    summary: 'What changes, as it changes. `reset`: lists are to be asked for anew. Last-Event-ID goes on from there.',
    tag: 'events',
    query: z.strictObject({}),
    answer: { type: 'text/event-stream' },
    act: ({ request, reply }) => {
      if (feed.watchers >= LIMITS.adminWatchers)
        throw new Problem(503, 'too many watch already', { 'retry-after': '5' });
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      const [of, seq] = String(request.headers['last-event-id'] ?? '').split('.');
      const missed = of === life ? feed.since(Number(seq)) : undefined;
      const write = (events: readonly FeedEvent[]): void => {
        if (raw.writableLength > BEHIND_BYTES) raw.destroy();
        else raw.write(events.map((event) => textOf(event, life)).join(''));
      };
      const stop = feed.watch(write);
      write(missed ?? [{ seq: feed.latest, kind: 'reset', data: {} }]);
      const stopPulse = clock.every(PULSE_MS, () => {
        if (access.holds(request)) return void raw.write(': still here\n\n');
        // Who logged out meanwhile hears no more.
        end();
        raw.end();
      });
      const end = (): void => {
        stop();
        stopPulse();
      };
      raw.once('close', end);
    },
  }),
];
