/** Things come in, the newest of them stay, in order: a buffer that is written over, without moving anything. */
export interface Ring<T> {
  /** Gives what had to go for it. */
  push(one: T): T | undefined;
  /** The oldest goes. */
  shift(): T | undefined;
  newest(): IteratorObject<T>;
  readonly size: number;
}

export const createRing = <T>(most: number): Ring<T> => {
  const slots: (T | undefined)[] = [];
  /** Numbers of the oldest and of the next. */
  let from = 0;
  let to = 0;
  const shift = (): T | undefined => {
    if (from === to) return undefined;
    const at = from++ % most;
    const old = slots[at];
    slots[at] = undefined;
    return old;
  };
  return {
    push: (one) => {
      const old = to - from >= most ? shift() : undefined;
      slots[to++ % most] = one;
      return old;
    },
    shift,
    newest: function* () {
      for (let at = to - 1; at >= from; at -= 1) yield slots[at % most] as T;
    },
    get size() {
      return to - from;
    },
  };
};
