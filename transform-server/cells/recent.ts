/** Keys and values in; the newest of them, as many as there is room for, out. */

interface Recent<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

export const createRecent = <Value>(most: number): Recent<Value> => {
  const values = new Map<string, Value>();
  return {
    get: (key) => values.get(key),
    set: (key, value) => {
      values.delete(key);
      values.set(key, value);
      const oldest = values.size > most ? values.keys().next().value : undefined;
      if (oldest !== undefined) values.delete(oldest);
    },
  };
};
