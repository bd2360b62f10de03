/** Three projects: `unit` needs no network and no daemon and is done in a minute; `slow` is the same with time to wait; `peers` runs against real peers, one file at a time. */
import { defineConfig } from 'vitest/config';

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
const common = { environment: 'node', pool: 'forks' } as const;

export default defineConfig({
  test: {
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
          // The peers share one machine: its cores, its QEMU, its ports.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
