/** What is written into the log holds no secret, whatever text brought it there. */
import { expect, test } from 'vitest';
import { LIMITS } from '../../runtime/limits.ts';
import { createLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';

const written = (write: (log: ReturnType<typeof createLog>) => void): string => {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', write: (line) => lines.push(line) });
  write(log);
  expect(log.tail?.()).toEqual(lines);
  return lines.join('');
};
const NATIVE = `<graphics type='vnc' passwd='hush'/>`;

test.each([
  ['the message and the stack of an error', { error: new Error(`the host sent ${NATIVE}`) }],
  ['an error that is only a text', { error: `sheet failed at ${NATIVE}` }],
  ['an error that is no error', { error: { code: 5, said: [NATIVE] } }],
  ['a field', { host: 'https://h/?session_id=hush', outcome: NATIVE }],
  ['a type that does not print itself', { error: { code: new Secret('hush') } }],
])('%s is without its secret', (_, fields) => {
  const line = written((log) => log.error(fields, 'failed'));
  expect(line).not.toContain('hush');
  expect(line).toContain('failed');
});

test('so is the text of a line, at every level', () => {
  const lines = written((log) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, `host away: ${NATIVE}`);
  });
  expect(lines).not.toContain('hush');
  expect(lines.match(/host away: <graphics type='vnc' passwd=/g)).toHaveLength(4);
});

test('a text without one is written as it is', () => {
  const { msg, error } = JSON.parse(
    written((log) => log.warn({ error: new TypeError('1 is "no" <b>') }, `no 'token' in a=b`)),
  ) as { msg: string; error: { name: string; message: string; stack: string } };
  expect(msg).toBe(`no 'token' in a=b`);
  expect(error).toMatchObject({ name: 'TypeError', message: '1 is "no" <b>' });
  expect(error.stack).toContain('log.test.ts');
});

test('a text without end is cut, and what stands at the cut is no secret either', () => {
  const line = written((log) =>
    log.error(
      { error: `${' '.repeat(LIMITS.logTextCharacters - 12)}passwd='hush${'x'.repeat(LIMITS.logTextCharacters)}'` },
      '',
    ),
  );
  expect(line).not.toContain('hus');
  expect(line.length).toBeLessThan(LIMITS.logTextCharacters + 500);
});
