/** Texts that come again and again are kept once, as many and as long as was said. */
import { expect, test } from 'vitest';
import { createTexts } from '../../../transform-server/exchanges/texts.ts';

test('each is given back as it came, cut where it is too long', () => {
  const once = createTexts(2, 4);
  for (const text of ['', 'ada', 'ada', 'grace', 'ada', 'linus']) expect(once(text)).toBe(text.slice(0, 4));
});

test('however many different ones come, each is given back', () => {
  const once = createTexts(10, 5);
  const texts = Array.from({ length: 10_000 }, (_, n) => `${n}`.padStart(5, '0'));
  for (const text of texts) expect(once(text)).toBe(text);
  for (const text of texts.toReversed()) expect(once(`${text}!`)).toBe(text);
});
