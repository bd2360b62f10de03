/** Status, fields and framing of an answer in, the text of its head out. A field that would break the head is our error. */
import { STATUS_CODES } from 'node:http';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The current second as a field; renewed by whoever has a clock. */
export const dateField = (now: Date): string => `date: ${now.toUTCString()}\r\n`;

export const fieldText = (name: string, value: string): string => {
  if (!NAME.test(name) || !VALUE.test(value))
    throw new Error(`an answer's field ${JSON.stringify(name)} is not one of HTTP`);
  return `${name}: ${value}\r\n`;
};

export interface Fields {
  /** Status line and fields. */
  readonly text: string;
  /** The fields say a length themselves. */
  readonly hasLength: boolean;
}

const render = (status: number, headers: Readonly<Record<string, string>>): Fields => {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  let hasLength = false;
  for (const [name, value] of Object.entries(headers)) {
    text += fieldText(name, value);
    hasLength ||= name.toLowerCase() === 'content-length';
  }
  return { text, hasLength };
};

/** Most answers of a front carry one and the same record of headers: its text is made once. */
export const createFieldTexts = (): ((status: number, headers: Readonly<Record<string, string>>) => Fields) => {
  let lastStatus = 0;
  let lastHeaders: Readonly<Record<string, string>> | undefined;
  let last: Fields | undefined;
  return (status, headers) => {
    if (last === undefined || headers !== lastHeaders || status !== lastStatus) {
      last = render(status, headers);
      lastHeaders = headers;
      lastStatus = status;
    }
    return last;
  };
};

/** No body follows these, and no length is told (RFC 9110, 8.6). */
export const isBodiless = (status: number): boolean => status === 204 || status === 304 || status < 200;
