/** A transformer that can be exchanged while work is under way: new work goes to the newest, an older one ends with its last. */
import type { Transformer } from './transformer.ts';

export interface Switch extends Transformer {
  swap(next: Transformer): void;
}

export const createSwitch = (first: Transformer): Switch => {
  let current = { transformer: first, running: 0 };
  const retired = new Set<typeof current>();
  const endIfIdle = async (one: typeof current): Promise<void> => {
    if (one.running > 0 || !retired.delete(one)) return;
    await one.transformer.close();
  };
  return {
    run: async (work, urgency) => {
      const mine = current;
      mine.running += 1;
      try {
        return await mine.transformer.run(work, urgency);
      } finally {
        mine.running -= 1;
        await endIfIdle(mine);
      }
    },
    swap: (next) => {
      const old = current;
      current = { transformer: next, running: 0 };
      retired.add(old);
      void endIfIdle(old);
    },
    close: async () => {
      const all = [current, ...retired];
      retired.clear();
      await Promise.all(all.map(({ transformer }) => transformer.close()));
    },
  };
};
