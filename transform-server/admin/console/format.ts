/** Times, sizes and values in, short text for people out. */

const two = (n: number): string => String(n).padStart(2, '0');

export const timeText = (ms: number): string => {
  const at = new Date(ms);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  return at.toDateString() === new Date().toDateString()
    ? clock
    : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock.slice(0, 8)}`;
};

export const agoText = (ms: number, nowMs = Date.now()): string => {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
};

export const durationText = (ms: number | undefined): string =>
  ms === undefined
    ? ''
    : ms < 1
      ? `${ms.toFixed(2)} ms`
      : ms < 1000
        ? `${ms.toFixed(0)} ms`
        : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

export const bytesText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[at]}`;
};

/** 12,345: the same everywhere, whatever the browser's language. */
export const countText = (n: number): string => Math.round(n).toLocaleString('en');

/** Of figures of any size, short. */
export const figureText = (n: number): string => {
  if (Math.abs(n) >= 1000) return countText(n);
  return Number.isInteger(n) ? String(n) : n.toFixed(Math.abs(n) < 10 ? 2 : 1);
};

/** `one host`, `2 hosts`. */
export const countOf = (n: number, one: string, many = `${one}s`): string => `${countText(n)} ${n === 1 ? one : many}`;

/** A document in elements on one line each; everything else stays as it is. */
export const markupText = (text: string): string => {
  if (!text.startsWith('<')) return text;
  let depth = 0;
  const lines = text
    .replace(/>\s*</g, '>\n<')
    .split('\n')
    .map((line) => {
      const isEnd = line.startsWith('</');
      if (isEnd) depth = Math.max(0, depth - 1);
      const shown = '  '.repeat(depth) + line;
      const opens = /^<[\w:]/.test(line) && !line.endsWith('/>') && !/<\/[^>]*>$/.test(line);
      if (opens) depth += 1;
      return shown;
    });
  return lines.join('\n');
};

export const valueText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, undefined, 2) ?? '');
