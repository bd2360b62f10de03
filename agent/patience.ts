/** The server as clients' exchanges see it while another takes its place: calls wait for the one that comes, waits begun at the one that goes are asked again. */
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import { LinkDown } from '../runtime/link.ts';
import type { ServerApi } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

/** The link ended under an exchange that only waited: whoever asked asks again, under another id, of the server that comes. */
export class AskAgain extends LinkDown {}

export interface Patience extends ServerPort {
  /** Another server takes over: nothing new is sent until it is up, for so long at most. */
  hold(): void;
  /** Exchanges that only wait and have said nothing yet: asked again they do nothing twice. */
  park(exchanges: readonly string[]): void;
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

export const createPatience = (port: ServerPort, clock: Clock, limitMs: number = LIMITS.handOverMs): Patience => {
  let held: (PromiseWithResolvers<void> & { readonly forget: () => void }) | undefined;
  const parked = new Set<string>();

  const away = (): LinkDown => new LinkDown('the transform server is away');
  const release = (why?: LinkDown): void => {
    const one = held;
    held = undefined;
    one?.forget();
    // Those of the link that ended have all been taken up by now.
    parked.clear();
    if (why === undefined) one?.resolve();
    else one?.reject(why);
  };
  const send = async (name: keyof ServerApi, args: readonly unknown[]): Promise<unknown> => {
    await held?.promise;
    const { api } = port;
    if (api === undefined) throw away();
    const exchange = name === 'call' ? (args[0] as { exchange: string }).exchange : undefined;
    try {
      return await (api[name] as Method)(...args);
    } catch (error) {
      const again = error instanceof LinkDown && exchange !== undefined && parked.delete(exchange);
      throw again ? new AskAgain(error.message) : error;
    }
  };
  const patient = new Proxy({} as ServerApi, {
    get:
      (_, name: keyof ServerApi) =>
      (...args: readonly unknown[]) =>
        send(name, args),
  });
  port.onUp(() => release());

  return {
    get api() {
      if (held !== undefined) return patient;
      return port.api === undefined ? undefined : patient;
    },
    get hello() {
      return port.hello;
    },
    get held() {
      return held?.promise;
    },
    onUp: (listener) => port.onUp(() => listener(patient, port.hello as NonNullable<ServerPort['hello']>)),
    onDown: (listener) => port.onDown(listener),
    hold: () => {
      if (held !== undefined) return;
      const turn = Promise.withResolvers<void>();
      turn.promise.catch(() => {}); // whoever waits hears of it
      held = { ...turn, forget: clock.after(limitMs, () => release(away())) };
    },
    park: (exchanges) => {
      for (const exchange of exchanges) parked.add(exchange);
    },
  };
};
