/** Takes the JSON reports and exit codes of the vitest runs, gives one line `N passed, N failed, N skipped` and the exit code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Assertion = { readonly status: string; readonly fullName: string };
type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly Assertion[];
  }[];
};
export type Totals = { passed: number; failed: number; skipped: number };

/** A file that fails without a failed test (it did not load), and a run that fails without a failed file, count as one failure each. */
export const totalsOf = (report: Report | undefined, exitCode: number): Totals => {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report?.testResults ?? []) {
    const failedBefore = totals.failed;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') totals.passed += 1;
      else if (status === 'failed') totals.failed += 1;
      else totals.skipped += 1;
    }
    if (file.status === 'failed' && totals.failed === failedBefore) totals.failed += 1;
  }
  if (exitCode !== 0 && totals.failed === 0) totals.failed += 1;
  return totals;
};

const summarise = (brokenChecks: number, folder: string): number => {
  const sum: Totals = { passed: 0, failed: brokenChecks, skipped: 0 };
  if (brokenChecks > 0) console.log('the checks failed (counted as one failure)');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.exit'))) {
    const exitCode = Number(readFileSync(join(folder, name), 'utf8'));
    const json = join(folder, name.replace(/\.exit$/, '.json'));
    const report = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as Report) : undefined;
    const totals = totalsOf(report, exitCode);
    console.log(
      `${name.replace(/\.exit$/, '')}: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped; exit ${exitCode}`,
    );
    for (const { assertionResults } of report?.testResults ?? []) {
      for (const { status, fullName } of assertionResults)
        if (status !== 'passed') console.log(`  ${status}: ${fullName}`);
    }
    sum.passed += totals.passed;
    sum.failed += totals.failed;
    sum.skipped += totals.skipped;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1;
};

if (import.meta.main) {
  const [broken, folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: summary.ts BROKEN-CHECKS FOLDER');
  process.exitCode = summarise(Number(broken), folder);
}
