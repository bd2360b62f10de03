/** The admin API under schemathesis: whatever is asked of it, valid or not, it answers as its OpenAPI says, and never with an error of ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { govcOn, requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

/** They end the program, the session or never, and a refused log-in is slow on purpose. */
const APART = '(take-over|logout|/events|/login)$';
/** Too long for HTTP is refused as well. */
const SETTINGS = `[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 431]
`;

describeWith(['schemathesis', 'govc'], 'the admin API', () => {
  let product: Transvisor;
  let folder: string;

  // Each its own: so many requests are allowed in a minute.
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tvs-'));
    writeFileSync(join(folder, 'schemathesis.toml'), SETTINGS);
    product = await startTransvisor({ host: 'sim:///default?vms=10', fronts: ['vim25', 'xenapi'] });
    // Something to be asked for: exchanges, a job, audit lines.
    const govc = govcOn(product);
    const [vm = ''] = (await govc('find', '/', '-type', 'm')).split('\n');
    await govc('vm.power', '-off', '-force', vm);
    await govc('vm.change', '-vm', vm, '-m', '256');
  }, 60_000);
  afterEach(async () => {
    await product[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    { phase: 'coverage', more: [] },
    { phase: 'fuzzing', more: ['--max-examples', '6', '--max-time', '20'] },
  ])(
    'answers as described, and never with 500: $phase',
    async ({ phase, more }) => {
      const program = join(dirname(requireClient('schemathesis')), 'bin', 'schemathesis');
      const { code, stdout, stderr } = await runProgram(
        program,
        [
          ...['--config-file', join(folder, 'schemathesis.toml'), 'run', `${product.admin.url}/api/v1/openapi.json`],
          ...['-H', `Authorization: Bearer ${product.admin.token}`, '--exclude-path-regex', APART, '--phases', phase],
          // Ids and cursors are this API's own words, which no schema tells: 400 and 422 are right for invented ones.
          ...['--exclude-checks', 'positive_data_acceptance', '--seed', '1', '--rate-limit', '1150/m', '--no-color'],
          ...more,
        ],
        { cwd: folder, timeoutMs: 110_000 },
      );
      expect([code, code === 0 ? '' : `${stdout.slice(-8000)}${stderr}`]).toEqual([0, '']);
      expect(stdout).toMatch(/Tested: (?:[3-9]\d)/);
      // An error of ours is in the log even where the tester forgave it.
      expect(product.wholeLog()).not.toMatch(/"msg":"admin: .* failed"/);
    },
    120_000,
  );
});
