/** A folder in, two products in one program out: one with an exchange log and one without, each with a simulated host; their endpoints are in the ready file. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { configOf } from '../../cli/flags.ts';
import { untilSignal } from '../../cli/lifetime.ts';
import { startUp } from '../../cli/up.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '.' },
    vms: { type: 'string', default: '200' },
    'password-file': { type: 'string', default: '' },
    'ready-file': { type: 'string', default: '' },
    /** Which of them is started first. */
    first: { type: 'string', default: 'on' },
  },
});
/** Exchanges. */
const KEPT: Readonly<Record<string, number>> = { on: 10_000, off: 0 };

const ended = untilSignal();
const startTwin = (name: string) => {
  const state = join(values.folder, name);
  mkdirSync(state, { recursive: true });
  const config = join(state, 'transvisor.toml');
  writeFileSync(config, `[admin]\nexchanges = ${KEPT[name]}\n`);
  return startUp(
    configOf({
      ...{
        config,
        state,
        host: [`sim:///default?vms=${values.vms}`],
        listen: '127.0.0.1',
        port: ['vim25=0', 'admin=0'],
      },
      ...{ plain: ['vim25'], user: 'root', passwordFile: values['password-file'], logLevel: 'warn' },
    }),
  );
};
const twins: Record<string, Awaited<ReturnType<typeof startUp>>> = {};
for (const name of values.first === 'on' ? ['on', 'off'] : ['off', 'on']) twins[name] = await startTwin(name);
const ready = Object.entries(twins).map(([name, { ready }]) => [name, ready]);
const file = values['ready-file'];
writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(ready)));
// Whole, for whoever waits for it.
renameSync(`${file}.new`, file);
await ended;
for (const twin of Object.values(twins)) await twin.close();
process.exit(0);
