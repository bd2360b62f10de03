/** `npm run drills`: the program killed with -9, then replaced, at random moments of a create with three steps, and libvirtd killed with -9 under load. Flags: --times N, --take-overs N, --crashes N, --seed N, --two. */
import { parseArgs } from 'node:util';
import { startLibvirtd } from '../peers/libvirtd.ts';
import { crashDrills } from './crash-drill.ts';
import { createDrills } from './create-drills.ts';
import { takeOverDrills } from './take-over-drill.ts';

const { values: flags } = parseArgs({
  options: {
    times: { type: 'string', default: '50' },
    'take-overs': { type: 'string', default: '10' },
    crashes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Server and agent apart, both killed. */
    two: { type: 'boolean', default: false },
  },
});
const [times, takeOvers, crashes, seed] = [flags.times, flags['take-overs'], flags.crashes, flags.seed].map(Number);
if (
  times === undefined ||
  takeOvers === undefined ||
  crashes === undefined ||
  seed === undefined ||
  ![times, takeOvers, crashes, seed].every(Number.isInteger)
) {
  console.error('usage: npm run drills [-- --times N --take-overs N --crashes N --seed N --two]');
  process.exit(64);
}
const say = (line: string): void => console.log(line);
const broken: string[] = [];
say(`seed ${seed}, ${flags.two ? 'server and agent apart' : 'one process'}`);
if (times > 0) {
  await using host = await startLibvirtd({ qemu: true });
  broken.push(...(await createDrills({ host, times, seed, twoProcesses: flags.two, say })));
}
if (takeOvers > 0) {
  for (const half of flags.two ? (['server', 'agent'] as const) : [undefined]) {
    await using host = await startLibvirtd({ qemu: true });
    broken.push(
      ...(await takeOverDrills({ host, times: takeOvers, seed, ...(half === undefined ? {} : { half }), say })),
    );
  }
}
if (crashes > 0) {
  await using host = await startLibvirtd({ qemu: true });
  broken.push(...(await crashDrills({ host, crashes, seed, twoProcesses: flags.two, say })));
}
for (const one of broken) say(`BROKEN: ${one}`);
process.exitCode = broken.length === 0 ? 0 : 1;
