/** Runs a broker's generator: effects come out of it, each is served, and its answer goes back in; no turn holds the thread for long. */

import type { Outcome } from '../../mappings/generic/faults.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { Brokered, Effect, Resume } from '../../mappings/generic/platform.ts';
import type { Woken } from './waits.ts';

type Of<K extends Effect['effect']> = Extract<Effect, { effect: K }>;

/** Whoever serves effects. */
export interface Services {
  render(ids: Of<'render'>['ids'], ahead: Of<'render'>['ahead']): Promise<void>;
  write(text: string): Promise<void>;
  wait(effect: Of<'wait'>): Promise<Woken>;
  run(effect: Of<'run'>): Promise<Job>;
  start(effect: Of<'start'>): Promise<Job>;
  ask(effect: Of<'ask'>): Promise<Outcome>;
  settle(effect: Of<'settle'>): Promise<Job>;
  /** true: the client is gone; the generator is closed at its next effect. */
  isGone(): boolean;
}

/** The client hung up; nobody is left to answer. */
export class HungUp extends Error {
  override readonly name = 'HungUp';
}

const TURN_MS = 4;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const serve = (effect: Effect, services: Services): Promise<Resume> => {
  switch (effect.effect) {
    case 'render':
      return services.render(effect.ids, effect.ahead).then(() => undefined);
    case 'write':
      return services.write(effect.text).then(() => undefined);
    case 'wait':
      return services.wait(effect);
    case 'run':
      return services.run(effect);
    case 'start':
      return services.start(effect);
    case 'ask':
      return services.ask(effect);
    case 'settle':
      return services.settle(effect);
    default:
      return effect satisfies never;
  }
};

export const driveBroker = async <T>(generator: Brokered<T>, services: Services): Promise<T> => {
  let resume: Resume;
  let turn = performance.now();
  try {
    for (;;) {
      const step = generator.next(resume);
      if (step.done === true) return step.value;
      if (services.isGone()) throw new HungUp('the client is gone');
      resume = await serve(step.value, services);
      // Awaiting what is already there runs in the same turn: timers and sockets would starve.
      if (performance.now() - turn > TURN_MS) {
        await nextTurn();
        turn = performance.now();
      }
    }
  } catch (error) {
    generator.return(undefined as T);
    throw error;
  }
};
