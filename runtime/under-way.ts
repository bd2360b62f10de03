/**
 * What is under way, by id: comes in with its begin, goes out with its end. A Map will not do: V8 leaves each table that a Map has
 * outgrown linked to the next one, and so one such table that got old keeps all that ever was in it until the whole heap is collected.
 */
export class UnderWay<Value> {
  readonly #byId: Record<string, Value> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }
  get(id: string): Value | undefined {
    return this.#byId[id];
  }
  has(id: string): boolean {
    return id in this.#byId;
  }
  set(id: string, value: Value): void {
    if (!(id in this.#byId)) this.#size++;
    this.#byId[id] = value;
  }
  /** false: it was not there. */
  delete(id: string): boolean {
    if (!(id in this.#byId)) return false;
    delete this.#byId[id];
    this.#size--;
    return true;
  }
  values(): Value[] {
    return Object.values(this.#byId);
  }
}
