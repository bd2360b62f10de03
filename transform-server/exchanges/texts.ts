/** Texts in that come again and again, the copy of each that is kept out: what lives long then holds nothing that came with one request. */

/** Keeps as many different ones, each cut to that length (UTF-16 units); when there are more it begins anew. */
export const createTexts = (most: number, length: number): ((text: string) => string) => {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= most) texts.clear();
    const cut = text.slice(0, length);
    texts.set(cut, cut);
    return cut;
  };
};
