/** Contract of finding out whether a host of an API is at an address, and which product and version it is. */
import type { Outcome } from './faults.ts';
import type { HostTransport, HttpTalk } from './transport.ts';

/** What an API tells of itself. '' where it does not say. */
export interface Detected {
  readonly product: string;
  readonly version: string;
  readonly uri: string;
}

/** How to find out whether a host of this API is at an address. */
export interface Detection {
  /** Where it would be, likeliest first; address '': this machine. */
  uris(address: string): readonly string[];
  /** Over HTTP, what it tells anyone who asks; undefined: it is another API. */
  greet?(uri: string): HttpTalk<Detected | undefined>;
  /** Once a conversation is open. */
  identify?(uri: string, call: HostTransport['call']): Promise<Detected | undefined>;
  /** What it tells only after a log-in; absent: there is nothing more. */
  inSession?(call: HostTransport['call']): Promise<Outcome<Pick<Detected, 'product' | 'version'>>>;
}
