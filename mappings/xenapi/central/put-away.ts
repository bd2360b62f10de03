/** A storage that a client had the host forget in; where it lies, for as long as it may be introduced again, out. */
import type { Storage } from '../../generic/model.ts';
import type { BrokerContext } from '../../generic/platform.ts';

type Context = Pick<BrokerContext, 'front' | 'own' | 'now'>;

export type PutAway = Pick<Storage, 'name' | 'path' | 'remoteHost' | 'remotePath'>;
interface Stored {
  readonly at: PutAway;
  readonly atMs: number;
}

const MOST = 200;

const namespaceOf = ({ front }: Context): string => `xenapi-away:${front.uuid}`;

/** What has to be known to make it again. */
export const placeKept = ({ name, path, remoteHost, remotePath }: PutAway): PutAway => ({
  name,
  path,
  ...(remoteHost === undefined ? {} : { remoteHost }),
  ...(remotePath === undefined ? {} : { remotePath }),
});

export const putAway = (context: Context, uuid: string, at: PutAway): void => {
  const { own } = context;
  const namespace = namespaceOf(context);
  const kept = own.list(namespace).toSorted((a, b) => (b.value as Stored).atMs - (a.value as Stored).atMs);
  for (const { key } of kept.slice(MOST - 1)) own.delete(namespace, key);
  own.put(namespace, uuid, { at, atMs: context.now() } satisfies Stored);
};

export const allPutAway = (context: Context): readonly { readonly uuid: string; readonly at: PutAway }[] =>
  context.own.list(namespaceOf(context)).map(({ key, value }) => ({ uuid: key, at: (value as Stored).at }));

export const takenBack = (context: Context, uuid: string): PutAway | undefined =>
  (context.own.get(namespaceOf(context), uuid) as Stored | undefined)?.at;

export const backAgain = (context: Context, uuid: string): void => context.own.delete(namespaceOf(context), uuid);
