/** Values and texts that people will look at in; copies without secrets and of bounded size out. */

const TEXT = 2048;
const DEPTH = 16;
const MEMBERS = 64;
const NAMING = /^(key|name)$/;
const WORDS = 'passw|passphrase|pwd|secret|token|cookie|credential|ticket|private.?key|api.?key|authorization';
const SECRET = new RegExp(WORDS, 'i');

/** What a method is called says whether what it takes or gives is one. */
export const namesSecret = (name: string): boolean => SECRET.test(name) || /log_?in/i.test(name);

/**
 * In documents, and in what clients and hosts send, also where the text ends in the middle of it: an element that an attribute names, an
 * attribute, an element of such a name, a name beside its value (`<key>` and `<value>`, `<name>` and `<value>`), JSON and what Python prints,
 * queries and command lines (`name=value`).
 */
const CONTENT = '(?:<!\\[CDATA\\[[^]*?(?:\\]\\]>|$)|[^<]+)';
const NAMED = new RegExp(`(<[^<>]*=(["'])[^"'<>]*(?:${WORDS})[^"'<>]*\\2[^<>]*>)${CONTENT}`, 'gi');
const ATTRIBUTE = new RegExp(`(\\b[\\w:.-]*(?:${WORDS})[\\w:.-]*\\s*=\\s*)(?:"[^"]*(?:"|$)|'[^']*(?:'|$))`, 'gi');
const ELEMENT = new RegExp(`(<[\\w:.-]*(?:${WORDS})[\\w:.-]*(?:\\s[^<>]*)?>)${CONTENT}`, 'gi');
const PAIR = new RegExp(
  `(<(key|name)(?:\\s[^<>]*)?>[^<]*(?:${WORDS})[^<]*</\\2>\\s*<value(?:\\s[^<>]*)?>(?:\\s*<string>)?)${CONTENT}`,
  'gi',
);
const MEMBER = new RegExp(`("[^"]*(?:${WORDS})[^"]*"\\s*:\\s*")(?:[^"\\\\]|\\\\.)*(?:"|\\\\?$)`, 'gi');
const ENTRY = new RegExp(`('[\\w./:-]*(?:${WORDS})[\\w./:-]*'\\s*:\\s*u?)'(?:[^'\\\\]|\\\\.)*(?:'|\\\\?$)`, 'gi');
const SETTING = new RegExp(`(\\b[\\w.-]*(?:${WORDS}|session_id)[\\w.-]*=)[^\\s"'<>&;,)]+`, 'gi');
const SPOT = new RegExp(`${WORDS}|session_id`, 'i');
export const withoutSecrets = (text: string): string =>
  SPOT.test(text)
    ? text
        .replace(NAMED, '$1[secret]')
        .replace(ATTRIBUTE, '$1"[secret]"')
        .replace(ELEMENT, '$1[secret]')
        .replace(PAIR, '$1[secret]')
        .replace(MEMBER, '$1[secret]"')
        .replace(ENTRY, "$1'[secret]'")
        .replace(SETTING, '$1[secret]')
    : text;

/** A pair such as { key: 'display.password', value }: its name is a value itself. */
const isSecretPair = (members: readonly (readonly [string, unknown])[]): boolean =>
  members.some(([key, one]) => NAMING.test(key) && typeof one === 'string' && SECRET.test(one));

/** Whether a copy would leave something out for being a secret. */
export const holdsSecret = (value: unknown, depth = 0): boolean => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  // Nobody looks so deep.
  if (depth > 2 * DEPTH) return true;
  if (Array.isArray(value)) return value.some((one) => holdsSecret(one, depth + 1));
  const members = Object.entries(value);
  return isSecretPair(members) || members.some(([key, one]) => SECRET.test(key) || holdsSecret(one, depth + 1));
};

/** The same document without the values of what is named as a secret. */
export const withoutSecretValues = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSecretValues) as T;
  const members = Object.entries(value);
  const isPair = isSecretPair(members);
  return Object.fromEntries(
    members.map(([key, one]) => [
      key,
      typeof one === 'string' && (SECRET.test(key) || (isPair && key === 'value'))
        ? '[secret]'
        : withoutSecretValues(one),
    ]),
  ) as T;
};

/** A copy that is safe to keep: no secret, no body without end. `room` shrinks by what it takes; `most`: characters of one text. */
export const safeCopy = (value: unknown, room: { left: number }, depth = 0, most = TEXT): unknown => {
  room.left -= 8;
  if (room.left <= 0) return '...';
  if (typeof value === 'string') {
    const safe = /[<"'=]/.test(value) ? withoutSecrets(value) : value;
    room.left -= Math.min(safe.length, most);
    return safe.length > most ? `${safe.slice(0, most)}... (${safe.length} characters)` : safe;
  }
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '(function)' : value;
  if (depth >= DEPTH) return '...';
  if (Array.isArray(value)) {
    const kept = value.slice(0, MEMBERS).map((one) => safeCopy(one, room, depth + 1, most));
    return value.length > MEMBERS ? [...kept, `... (${value.length} in all)`] : kept;
  }
  const members = Object.entries(value);
  const isPair = isSecretPair(members);
  const kept = members
    .slice(0, MEMBERS)
    .map(([key, one]) => [
      safeCopy(key, room, depth, most),
      SECRET.test(key) || (isPair && key === 'value') ? '[secret]' : safeCopy(one, room, depth + 1, most),
    ]);
  if (members.length > MEMBERS) kept.push(['...', `${members.length} in all`]);
  return Object.fromEntries(kept);
};

/** The same, each text in it changed. */
export const eachText = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => eachText(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, eachText(one, change)]));
};
