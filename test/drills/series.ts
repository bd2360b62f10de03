/** Drills that look at one thing again and again, each a row of the same table: kills and take-overs in the middle of a create, and a host that is killed under power commands. */
import { startLibvirtd } from '../peers/libvirtd.ts';
import { crashDrills } from './crash-drill.ts';
import { createDrills } from './create-drills.ts';
import type { Result, Row } from './row.ts';
import { takeOverDrills } from './take-over-drill.ts';

export type SeriesOptions = {
  readonly times: number;
  readonly takeOvers: number;
  readonly crashes: number;
  readonly seed: number;
  /** Server and agent apart. */
  readonly two: boolean;
  readonly say: (line: string) => void;
};

export type Series = Pick<Row, 'name' | 'fault' | 'promised'> & {
  readonly run: (options: SeriesOptions) => Promise<Result>;
};

type Drills = (options: SeriesOptions) => Promise<readonly string[]>;

const KEPT = /\| (\d+) of (\d+) /;

const series = (row: Pick<Row, 'name' | 'fault' | 'promised'>, drills: Drills): Series => ({
  ...row,
  run: async (options) => {
    let [kept, looks] = [0, 0];
    const say = (line: string): void => {
      const [, of = '0', all = '0'] = KEPT.exec(line) ?? [];
      kept += Number(of);
      looks += Number(all);
      options.say(`  ${line}`);
    };
    try {
      const broken = await drills({ ...options, say });
      return { row, commands: 0, broken, seen: `kept ${kept} of the ${looks} times that it was looked at` };
    } catch (error) {
      const says = error instanceof Error ? error.message : String(error);
      options.say(`  FAILED: ${says}`);
      return { row, commands: 0, broken: [says], seen: 'the drill failed' };
    }
  },
});

export const SERIES: readonly Series[] = [
  series(
    {
      name: 'create-kills',
      fault: 'kill -9 of the program at random moments of a create with three steps',
      promised:
        'the machine is whole or not there at all; sessions, versions and ids lead on; every task ends as the host has it',
    },
    async ({ times, seed, two, say }) => {
      await using host = await startLibvirtd({ qemu: true });
      return await createDrills({ host, times, seed, twoProcesses: two, say });
    },
  ),
  series(
    {
      name: 'take-overs',
      fault: 'another program takes its place at random moments of a create',
      promised: 'the command succeeds, nothing is half made, no session is lost',
    },
    async ({ takeOvers, seed, two, say }) => {
      const broken: string[] = [];
      for (const half of two ? (['server', 'agent'] as const) : [undefined]) {
        await using host = await startLibvirtd({ qemu: true });
        const which = half === undefined ? {} : { half };
        broken.push(...(await takeOverDrills({ host, times: takeOvers, seed, ...which, say })));
      }
      return broken;
    },
  ),
  series(
    {
      name: 'host-crashes',
      fault: 'kill -9 of libvirtd with 44 machines, 4 of them switched on and off all the time',
      promised: 'the inventory comes back with its ids, states are as virsh says, whoever waits goes on',
    },
    async ({ crashes, seed, two, say }) => {
      await using host = await startLibvirtd({ qemu: true });
      return await crashDrills({ host, crashes, seed, twoProcesses: two, say });
    },
  ),
];
