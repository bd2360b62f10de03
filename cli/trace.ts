/** `transvisor trace`: the admin endpoint's stream of events in, a line for each exchange that ended and is wanted out, until a signal. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type AdminFlags, askAdminRaw } from './admin-client.ts';
import { type ExchangeLine, exchangeLineShape, lineText } from './exchange-line.ts';
import { Unavailable } from './exit-codes.ts';

export interface TraceFlags extends AdminFlags {
  readonly vm?: string;
  readonly client?: string;
  readonly method?: string;
  readonly front?: string;
  readonly outcome?: string;
  /** Ends after so many; 0: never. */
  readonly count?: number;
}

/** The longest that a timer takes: 24 days. */
const NO_LIMIT_MS = 2 ** 31 - 1;
/** An exchange is told again when more becomes known of it. */
const REMEMBERED = 10_000;

const has = (value: string, part: string | undefined): boolean =>
  part === undefined || value.toLowerCase().includes(part.toLowerCase());

export const isWanted = (one: ExchangeLine, { vm, client, method, front, outcome }: TraceFlags): boolean =>
  (vm === undefined || one.object === vm || has(one.name, vm)) &&
  (has(one.client, client) || has(one.program, client)) &&
  has(one.method, method) &&
  has(one.front, front) &&
  (outcome === undefined || one.outcome === outcome || (outcome === 'fault' && one.outcome !== 'value'));

/** Lines of the stream in (HTML, section 9.2), events with their data out. */
export async function* eventsOf(lines: AsyncIterable<string>): AsyncGenerator<{ event: string; data: string }> {
  let event = '';
  let data = '';
  for await (const line of lines) {
    if (line === '' && event !== '') yield { event, data };
    if (line === '') event = data = '';
    else if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
}

/** `ended`: nobody wants more. Resolves when that is so; a server that goes away is Unavailable. */
export const trace = async (
  flags: TraceFlags,
  print: (json: ExchangeLine, text: string) => void,
  ended: Promise<unknown>,
): Promise<void> => {
  const response = await askAdminRaw(flags, '/api/v1/events', 'GET', NO_LIMIT_MS);
  if (response.status !== 200 || response.body === null)
    throw new Unavailable(`the admin endpoint answered ${response.status}`);
  const body = Readable.fromWeb(response.body);
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    body.destroy();
  };
  void ended.then(stop);
  // A connection that breaks is the end of the lines.
  body.on('error', () => {});
  const told = new Map<string, string>();
  let count = 0;
  for await (const { event, data } of eventsOf(createInterface({ input: body }))) {
    if (event !== 'exchange') continue;
    const said = JSON.parse(data) as { left?: number };
    if (said.left !== undefined) {
      process.stderr.write(`${said.left} more came faster than they are told\n`);
      continue;
    }
    const one = exchangeLineShape.parse(said);
    if (one.outcome === 'running' || told.get(one.exchange) === one.outcome || !isWanted(one, flags)) continue;
    told.set(one.exchange, one.outcome);
    const oldest = told.keys().next().value;
    if (told.size > REMEMBERED && oldest !== undefined) told.delete(oldest);
    print(one, `${lineText(one)}\n`);
    count += 1;
    if (count === flags.count) stop();
    if (isOver) break;
  }
  if (!isOver) throw new Unavailable('the admin endpoint ended the stream; is the server still running?');
};
