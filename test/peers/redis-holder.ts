/** A program that holds a cell on Redis, writes number after number, and says which it was told to last. */
import type { RedisOptions } from '../../transform-server/storage/redis/options.ts';
import { openRedisState } from '../../transform-server/storage/redis/state.ts';
import { hold, numbersIn } from './redis-state.ts';

const { options, cell } = JSON.parse(process.argv[2] ?? '') as { options: RedisOptions; cell: string };
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const storage = await hold(await openRedisState(options), cell);
void storage.lost.then((why) => say(`lost ${why}`));
storage.onAvailable((available) => say(available ? 'available' : 'away'));
for (let n = (numbersIn(storage).at(-1) ?? 0) + 1; ; n++) {
  storage.run('INSERT INTO t VALUES (?, ?)', n, process.pid.toString());
  try {
    await storage.flush();
    say(`done ${n}`);
  } catch (error) {
    say(`failed ${n} ${String(error)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
