/** The versions of the link's vocabulary that two programs speak: two ranges in, the version both use out, or why there is none. */

export interface VersionRange {
  readonly oldest: number;
  readonly newest: number;
}

const isVersion = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** What a greeting says: `version` is the newest, and the only one where no range is announced. */
export const announced = (greeting: {
  readonly version: number;
  readonly oldest?: number | undefined;
}): VersionRange => {
  const { version, oldest = version } = greeting;
  if (!isVersion(version) || !isVersion(oldest) || oldest > version)
    throw new Error('a greeting without link versions');
  return { oldest, newest: version };
};

/** The newest that both speak. */
export const agreeOn = (one: VersionRange, other: VersionRange): number | undefined => {
  const version = Math.min(one.newest, other.newest);
  return version >= Math.max(one.oldest, other.oldest) ? version : undefined;
};

const spell = ({ oldest, newest }: VersionRange): string =>
  oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`;

export const disagreement = (agent: string, theirs: VersionRange, ours: VersionRange): string =>
  `agent ${agent} speaks ${spell(theirs)} of the link, this server ${spell(ours)}: update the ${theirs.newest < ours.newest ? 'agent' : 'server'}`;
