/** Proves the last line of `npm test`: no kind of failure counts as none. */
import { expect, test } from 'vitest';
import { totalsOf } from './summary.ts';

const file = (status: string, ...statuses: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: statuses.map((each) => ({ status: each, fullName: 'x' })),
});

test('counts every test once', () => {
  const report = { testResults: [file('failed', 'passed', 'failed', 'pending'), file('passed', 'passed', 'todo')] };
  expect(totalsOf(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that did not load is a failure', () => {
  expect(totalsOf({ testResults: [file('failed'), file('passed', 'passed')] }, 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test('a run that ended badly is a failure, with a report and without', () => {
  expect(totalsOf({ testResults: [file('passed', 'passed')] }, 1).failed).toBe(1);
  expect(totalsOf(undefined, 137).failed).toBe(1);
  expect(totalsOf({ testResults: [file('passed', 'passed')] }, 0).failed).toBe(0);
});
