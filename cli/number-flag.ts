/** The text of a flag in, the number it says out, or what is wrong with it. */
import { ConfigError } from '../runtime/config.ts';

export const numberIn = (name: string, text: string | undefined, otherwise: number, maximum: number): number => {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > maximum) throw new ConfigError(`--${name} wants a number up to ${maximum}`);
  return value;
};
