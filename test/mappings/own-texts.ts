/** A map of texts in, the view of own data that brokers have of it out: what is kept has been through JSON. */
import type { OwnView } from '../../mappings/generic/store-view.ts';

export const ownIn = (kept: Map<string, string>): OwnView => ({
  get: (namespace, key) => JSON.parse(kept.get(`${namespace}\n${key}`) ?? 'null'),
  put: (namespace, key, value) => void kept.set(`${namespace}\n${key}`, JSON.stringify(value)),
  delete: (namespace, key) => void kept.delete(`${namespace}\n${key}`),
  list: (namespace, prefix = '') =>
    [...kept]
      .filter(([key]) => key.startsWith(`${namespace}\n${prefix}`))
      .map(([key, text]) => ({ key: key.slice(namespace.length + 1), value: JSON.parse(text) as unknown })),
});
