/** The program killed with -9 so many times in the middle of a create: prints each drill and a table of what was promised; what was broken out. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Libvirtd } from '../peers/libvirtd.ts';
import { startTransvisor } from '../peers/transvisor.ts';
import { createDrillTally, leftOnHost, measureCreate, runCreateDrill } from './create-drill.ts';
import { random } from './random.ts';

const KEEPER =
  "<domain type='qemu'><name>keeper</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>";
/** The moments reach a little beyond the create's end. */
const BEYOND = 1.1;
const LATE_MS = 4000;

export const createDrills = async (options: {
  readonly host: Libvirtd;
  readonly times: number;
  readonly seed: number;
  readonly twoProcesses: boolean;
  readonly say: (line: string) => void;
}): Promise<readonly string[]> => {
  const { host, times, seed, twoProcesses, say } = options;
  const next = random(seed);
  const file = join(host.root, 'keeper.xml');
  writeFileSync(file, KEEPER);
  await host.virsh('define', file);
  await using product = await startTransvisor({ host: host.uri, twoProcesses });
  const tally = createDrillTally();
  const drill = { host, product, datastore: 'default', keeper: 'keeper', tally };
  const atFirst = await leftOnHost(drill);
  const measured: number[] = [];
  for (let n = 0; n < 3; n += 1) measured.push(await measureCreate(drill, `drill-measured-${n}`));
  const mostMs = Math.min(...measured) * BEYOND;
  say(
    `an undisturbed create takes ${(mostMs / BEYOND).toFixed(0)} ms; kills at random moments of ${mostMs.toFixed(0)} ms`,
  );
  const failed: string[] = [];
  const counts: Record<string, number> = {};
  const phases: Record<string, number> = {};
  for (let n = 1; n <= times; n += 1) {
    const killAfterMs = next() * mostMs;
    try {
      const { outcome, answered, phase, recoveredMs } = await runCreateDrill(drill, `drill-${n}`, killAfterMs);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      phases[phase] = (phases[phase] ?? 0) + 1;
      say(
        `${String(n).padStart(3)}: killed after ${killAfterMs.toFixed(0).padStart(4)} ms at ${phase.padEnd(16)} ${answered ? 'task told' : 'cut off  '} ${outcome.padEnd(7)} recovered in ${recoveredMs.toFixed(0)} ms`,
      );
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
      say(`${String(n).padStart(3)}: FAILED ${failed.at(-1)}`);
      await product.restart();
    }
  }
  await new Promise((resolve) => setTimeout(resolve, LATE_MS));
  const atLast = await leftOnHost(drill);
  if (atLast !== atFirst)
    failed.push(`after all drills the host has ${atLast || 'nothing'}, at first ${atFirst || 'nothing'}`);
  const listed = (of: Record<string, number>): string =>
    Object.entries(of)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  say(`killed at: ${listed(phases)}`);
  say(
    `outcomes: ${listed(counts)}, ${failed.length} failed; on the host after all: ${atLast === atFirst ? 'as at first' : atLast}`,
  );
  for (const line of tally.table()) say(line);
  return [...tally.broken(), ...failed];
};
