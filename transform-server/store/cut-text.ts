/** A text in; the parts of it that are likely the same in texts like it, and the values between each two of them, out. */

export interface Pieces {
  readonly segments: string[];
  /** None holds a `<`. A segment behind a value begins with a character that the value does not hold. */
  readonly values: string[];
}

export type Cut = (text: string) => Pieces;

/** Every text content is a value, everything else is segments. */
export const cutContents: Cut = (text) => {
  const segments: string[] = [];
  const values: string[] = [];
  let from = 0;
  for (let at = text.indexOf('>'); at >= 0; at = text.indexOf('>', at)) {
    const end = text.indexOf('<', at + 1);
    if (end < 0) break;
    if (end > at + 1) {
      segments.push(text.slice(from, at + 1));
      values.push(text.slice(at + 1, end));
      from = end;
    }
    at = end;
  }
  segments.push(text.slice(from));
  return { segments, values };
};

const VALUE = /=(['"])([^'"<]+)\1|>([^<]+)(?=<)/g;

/** Values of attributes as well, for documents whose facts lie in them. Where a tag ends does not matter: whatever is cut fits again. */
export const cutAttributes: Cut = (text) => {
  const segments: string[] = [];
  const values: string[] = [];
  let from = 0;
  for (const found of text.matchAll(VALUE)) {
    const value = found[2] ?? found[3] ?? '';
    const at = found.index + (found[2] === undefined ? 1 : 2);
    segments.push(text.slice(from, at));
    values.push(value);
    from = at + value.length;
  }
  segments.push(text.slice(from));
  return { segments, values };
};
