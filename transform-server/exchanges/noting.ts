/** The exchange log and a clock in, how the server notes a hop out: for next to nothing where none is kept. */
import { type Clock, exactly } from '../../runtime/clock.ts';
import type { ExchangeFacts, Hop } from '../../runtime/protocol.ts';
import type { ExchangeLog } from './log.ts';

/** `since`: when it began; 0: it took no time. No detail: only the line of the exchange learns from it. */
export type Noting = (
  exchange: string,
  shape: string,
  since: number,
  detail: Hop['detail'] | undefined,
  facts?: ExchangeFacts,
) => void;

export const createNoting =
  (exchangeLog: Pick<ExchangeLog, 'isOn' | 'add'>, clock: Clock): Noting =>
  (exchange, shape, since, detail, facts) => {
    if (!exchangeLog.isOn) return;
    const atMs = exactly(clock);
    exchangeLog.add({
      exchange,
      shape,
      atMs,
      ...(since === 0 ? {} : { durationMs: atMs - since }),
      ...(facts === undefined ? {} : { facts }),
      detail,
    });
  };
