/** What is wrong, where it is written, and what to do about it; and where a key of the configuration is written. */
import { lineOf } from '../../runtime/config.ts';

export interface Finding {
  /** A warning does not hinder the program now. */
  readonly level: 'error' | 'warning';
  readonly what: string;
  /** `FILE:LINE` of the configuration, or a path of its own. */
  readonly where: string;
  /** What to do; '' where that goes without saying. */
  readonly fix: string;
}

/** A key, or an item of a list and a key: the line of the nearest that is written there, else that it came with the command line or by default. */
export type Place = (at: readonly PropertyKey[]) => string;

export const placesIn = (file: string | undefined, text: string): Place => {
  if (file === undefined) return () => 'command line';
  return (at) => {
    for (let length = at.length; length > 0; length--) {
      const line = lineOf(text, at.slice(0, length));
      if (line > 0) return `${file}:${line}`;
    }
    return file;
  };
};

export const findingsText = (findings: readonly Finding[]): string =>
  findings
    .map(({ level, what, where, fix }) => `${level}: ${where}: ${what}\n${fix === '' ? '' : `  ${fix}\n`}`)
    .join('');
