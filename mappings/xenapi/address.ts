/** A front instance in; where its clients find it, for records that hold addresses of the API itself, out. */
import type { FrontInstance } from '../generic/platform.ts';

/** As configured, else what the front listens on. */
export const addressOf = (front: FrontInstance): string => front.options['address'] || front.hostName;

/** `https://10.0.0.5/console`; the port is named where it is not the scheme's own. */
export const urlOf = (front: FrontInstance, path: string): string => {
  const secure = front.certificate !== '';
  const address = addressOf(front);
  const host = address.includes(':') ? `[${address}]` : address;
  const port = front.port === (secure ? 443 : 80) ? '' : `:${front.port}`;
  return `${secure ? 'https' : 'http'}://${host}${port}${path}`;
};
