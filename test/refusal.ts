/** An act in; the words it is refused with out, none where it is done. */
export const refusalOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
};
