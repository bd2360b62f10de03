/** What the routes of the admin API work on: the server and what its program lets them do, in one value. */
import type { Clock } from '../../runtime/clock.ts';
import type { Log, LogLevel } from '../../runtime/log.ts';
import type { ReloadReport } from '../engine/reload.ts';
import type { Access } from './access.ts';
import type { Feed } from './feed.ts';
import type { History } from './history.ts';
import type { Inspected } from './parts.ts';

export interface Sources {
  readonly inspected: Inspected;
  readonly access: Access;
  readonly feed: Feed;
  readonly clock: Clock;
  /** Differs from that of every program before. */
  readonly life: string;
  readonly history: History;
  readonly log: Log;
  /** Of the log of the program. */
  readonly logLevel?: { level: LogLevel } | undefined;
  /** Of the program. */
  readonly version: string;
  /** This endpoint's own answers: of the API as text, and the metrics. */
  readonly own: { ask(path: string): Promise<string>; metrics(): Promise<string> };
  /** What the program was started with. */
  readonly config?: object | undefined;
  /** Changed sheets and tables are judged and taken over, or refused. */
  readonly reload?: (() => Promise<ReloadReport>) | undefined;
  /** Asks for a new program in the place of this one; how often that was refused, and why the last time. */
  readonly takeOver?:
    | { readonly ask: () => void; readonly refused: () => { readonly times: number; readonly why: string } }
    | undefined;
  /** The path of a file with all that is durable: whoever asked deletes it. */
  readonly backup?: (() => Promise<string>) | undefined;
}
