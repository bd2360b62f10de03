/** Three projects: `unit` needs no network and no daemon and is done in a minute; `slow` is the same with time to wait; `peers` runs against real peers, two files at a time. */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Unit tests that wait for limits to pass, or start threads and programs by the dozen. */
const SLOW = [
  'test/agent/agent.test.ts',
  'test/agent/http/half-closed.test.ts',
  'test/agent/tunnel.test.ts',
  'test/cli/complete.test.ts',
  'test/cli/start.test.ts',
  'test/runtime/link-tls.test.ts',
  'test/transform-server/admin/access.test.ts',
  'test/transform-server/admin/api.test.ts',
  'test/transform-server/admin/mappings.test.ts',
  'test/transform-server/cells/cells.test.ts',
  'test/transform-server/cells/shared-sheets.test.ts',
  'test/transform-server/engine/*.test.ts',
];
/** Peer tests that take long and are short to read: vitest, when it has no times of a run before, takes large files first. */
const LONG = /\/(matrix|drills-short|fuzz-short|govc-bats|intercept)\.test\.ts$/;
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
const common = { environment: 'node', pool: 'forks' } as const;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/peers/**', 'test/bench/**', 'test/fuzz/**', 'test/drills/**', ...SLOW],
          testTimeout: 20_000,
        },
      },
      { test: { ...common, name: 'slow', include: SLOW, testTimeout: 20_000 } },
      {
        test: {
          ...common,
          name: 'peers',
          include: ['test/peers/**/*.test.ts'],
          setupFiles: ['test/peers/tell-failures.ts'],
          // They mostly wait, and share one machine: its cores, its QEMU, its ports.
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
