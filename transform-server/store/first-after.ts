/** Things in the order of a number in, the place of the first one above some number out; found by halving. */
export const firstAfter = <T>(sorted: readonly T[], numberOf: (one: T) => number, number: number): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberOf(sorted[middle] as T) > number) high = middle;
    else low = middle + 1;
  }
  return low;
};
