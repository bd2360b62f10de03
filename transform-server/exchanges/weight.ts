/** A value in, about how many bytes it keeps out: no further than a limit, so that weighing costs little. */
const NODE_BYTES = 24;

export const weigh = (value: unknown, limit: number): number => {
  if (typeof value === 'string') return NODE_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return NODE_BYTES;
  if (ArrayBuffer.isView(value)) return NODE_BYTES + value.byteLength;
  let weight = NODE_BYTES;
  if (Array.isArray(value)) {
    for (const one of value) {
      weight += weigh(one, limit - weight);
      if (weight >= limit) return weight;
    }
    return weight;
  }
  for (const key in value) {
    weight += NODE_BYTES + key.length + weigh((value as Record<string, unknown>)[key], limit - weight);
    if (weight >= limit) return weight;
  }
  return weight;
};
