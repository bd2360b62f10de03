/** What is wrong with a request to the admin API, as an error in here and as RFC 9457's `application/problem+json` out there. */
import { STATUS_CODES } from 'node:http';

export const PROBLEM_TYPE = 'application/problem+json';

/** Told to the client as it is: `detail` is for people and holds no secret. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** RFC 9457, section 3.1: no type of our own, so `title` is the status code's name. */
export const problemBody = (status: number, detail: string, instance: string): string =>
  `${JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, instance })}\n`;
