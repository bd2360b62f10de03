/** Functions in; the same functions out, which answer as those of a server that is away, at once, while what they need is away. */
import { LinkDown } from '../../runtime/link.ts';
import type { Exchange, ServerApi } from '../../runtime/protocol.ts';

interface Presence {
  /** Why nothing can be asked here now; undefined: it can. */
  readonly why: string | undefined;
  guard<Api extends ServerApi>(api: Api): Api;
  /** What is under way is answered as well, but for these exchanges, which only wait. */
  leave(why: string, spared?: readonly string[]): void;
  back(): void;
}

type Act = (...args: readonly unknown[]) => Promise<unknown>;

export const createPresence = (): Presence => {
  let away: string | undefined;
  const underWay = new Set<{ readonly exchange: string | undefined; reject(why: LinkDown): void }>();

  const guarded =
    (act: Act, isCall: boolean): Act =>
    async (...args) => {
      if (away !== undefined) throw new LinkDown(away);
      const { promise: cut, reject } = Promise.withResolvers<never>();
      const one = { exchange: isCall ? (args[0] as Exchange).exchange : undefined, reject };
      underWay.add(one);
      try {
        return await Promise.race([act(...args), cut]);
      } catch (error) {
        throw away === undefined || error instanceof LinkDown ? error : new LinkDown(away);
      } finally {
        underWay.delete(one);
      }
    };

  return {
    get why() {
      return away;
    },
    guard: <Api extends ServerApi>(api: Api): Api =>
      Object.fromEntries(
        Object.entries(api).map(([name, act]) => [name, guarded(act as Act, name === 'call')]),
      ) as unknown as Api,
    leave: (why, spared = []) => {
      away = why;
      for (const one of underWay)
        if (one.exchange === undefined || !spared.includes(one.exchange)) one.reject(new LinkDown(why));
    },
    back: () => {
      away = undefined;
    },
  };
};
