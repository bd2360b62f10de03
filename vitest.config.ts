/** Two projects: `unit` needs no network and no daemon; `peers` runs against real peers, one file at a time. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/peers/**', 'test/bench/**', 'test/fuzz/**', 'test/drills/**'],
          environment: 'node',
          pool: 'forks',
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'peers',
          include: ['test/peers/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          // The peers share one machine: its cores, its QEMU, its ports.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
