/** Values that people will look at in; copies without secrets and of bounded size out. */

const TEXT = 2048;
const DEPTH = 6;
const MEMBERS = 64;
const NAMING = /^(key|name)$/;
const SECRET = /passw|secret|token|cookie|credential|ticket/i;

/** In a host's own document, too: `<attribute key="x.password">value</attribute>` and `passwd='value'`. */
const NAMED_ELEMENT = /(<[^<>]*=(["'])[^"'<>]*(?:passw|secret|token|cookie|credential|ticket)[^"'<>]*\2[^<>]*>)[^<]+/gi;
const NAMED_ATTRIBUTE = /(\b[\w:.-]*(?:passw|secret|token|cookie|credential|ticket)[\w:.-]*\s*=\s*)(["'])[^"']*\2/gi;
export const withoutSecrets = (document: string): string =>
  SECRET.test(document)
    ? document.replace(NAMED_ELEMENT, '$1[secret]').replace(NAMED_ATTRIBUTE, '$1$2[secret]$2')
    : document;

/** A copy that is safe to keep: no secret, no body without end. `room` shrinks by what it takes. */
export const safeCopy = (value: unknown, room: { left: number }, depth = 0): unknown => {
  room.left -= 8;
  if (room.left <= 0) return '...';
  if (typeof value === 'string') {
    const safe = value.includes('<') ? withoutSecrets(value) : value;
    room.left -= Math.min(safe.length, TEXT);
    return safe.length > TEXT ? `${safe.slice(0, TEXT)}... (${safe.length} characters)` : safe;
  }
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '(function)' : value;
  if (depth >= DEPTH) return '...';
  if (Array.isArray(value)) {
    const kept = value.slice(0, MEMBERS).map((one) => safeCopy(one, room, depth + 1));
    return value.length > MEMBERS ? [...kept, `... (${value.length} in all)`] : kept;
  }
  const members = Object.entries(value);
  // A pair such as { key: 'display.password', value }: its name is a value itself.
  const isSecretPair = members.some(([key, one]) => NAMING.test(key) && typeof one === 'string' && SECRET.test(one));
  const kept = members
    .slice(0, MEMBERS)
    .map(([key, one]) => [
      safeCopy(key, room, depth),
      SECRET.test(key) || (isSecretPair && key === 'value') ? '[secret]' : safeCopy(one, room, depth + 1),
    ]);
  if (members.length > MEMBERS) kept.push(['...', `${members.length} in all`]);
  return Object.fromEntries(kept);
};
