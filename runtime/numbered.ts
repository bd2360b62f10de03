/**
 * What is under way, by numbers that are given out here: two array reads each, and nothing is left behind when it ends (under-way.ts
 * says of what).
 */
export class Numbered<Value> {
  #slots: (Value | undefined)[] = [undefined, undefined];
  /** The number that each slot has, 0: it is free. A power of two, so that numbers with slots of their own keep them when it grows. */
  #numbers = [0, 0];
  #last = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }
  /** Under a number that nothing had before. */
  add(value: Value): number {
    if (2 * this.#size >= this.#slots.length) this.#grow();
    do this.#last++;
    while (this.#numbers[this.#slotOf(this.#last)] !== 0);
    const at = this.#slotOf(this.#last);
    this.#numbers[at] = this.#last;
    this.#slots[at] = value;
    this.#size++;
    return this.#last;
  }
  get(number: number): Value | undefined {
    const at = this.#slotOf(number);
    return this.#numbers[at] === number ? this.#slots[at] : undefined;
  }
  /** false: it was not there. */
  delete(number: number): boolean {
    const at = this.#slotOf(number);
    if (number === 0 || this.#numbers[at] !== number) return false;
    this.#numbers[at] = 0;
    this.#slots[at] = undefined;
    this.#size--;
    return true;
  }
  values(): Value[] {
    return this.#slots.filter((_, at) => this.#numbers[at] !== 0) as Value[];
  }

  /** Of numbers up to 2 ** 53. */
  #slotOf(number: number): number {
    return number % this.#slots.length;
  }
  #grow(): void {
    const [slots, numbers] = [this.#slots, this.#numbers];
    this.#slots = new Array<Value | undefined>(2 * slots.length).fill(undefined);
    this.#numbers = new Array<number>(2 * slots.length).fill(0);
    for (const [at, number] of numbers.entries()) {
      if (number === 0) continue;
      this.#numbers[this.#slotOf(number)] = number;
      this.#slots[this.#slotOf(number)] = slots[at];
    }
  }
}
