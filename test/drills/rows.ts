/** The faults that the table has a row for: how each is brought about under load and mended, and what the documentation promises of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openTwoServers, type TwoServers } from './estate.ts';
import type { Ground, Opened, Row } from './row.ts';

/** How long what was killed stays away: whoever looks after it starts it again. */
const AWAY_MS = 2000;

const onRedis = async ({ hosts, program }: Ground, strikes: (estate: TwoServers) => Opened['strikes']): Promise<Opened> => {
  const estate = await openTwoServers(hosts, { program });
  return { estate, strikes: strikes(estate) };
};

export const ROWS: readonly Row[] = [
  {
    name: 'server-kill',
    fault: 'kill -9 of a server, of the other one, each started again after 2 s',
    promised: "its hosts' clients get host-communication faults at once until its claim ends (10 s), the other's notice nothing; plans are brought to their end",
    hosts: 2,
    open: (ground) =>
      onRedis(ground, (estate) =>
        (['a', 'b'] as const).map((name) => async () => {
          await estate.server(name).kill9();
          await sleep(AWAY_MS);
          await estate.startServer(name);
        }),
      ),
  },
];
