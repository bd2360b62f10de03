/** Programs that tests started and that still run, or ended by themselves: what each said last, for whoever looks into a failure. */
const witnesses = new Map<string, () => string>();

/** `said`: its last words. Ends with what is returned. */
export const witness = (name: string, said: () => string): (() => void) => {
  witnesses.set(name, said);
  return () => void witnesses.delete(name);
};

export const testimony = (): string =>
  [...witnesses].map(([name, said]) => `--- ${name}\n${said().trimEnd()}\n`).join('');
