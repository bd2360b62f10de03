/** Sockets that a service manager hands over (sd_listen_fds(3)): whose they are, and by which name. */
import { expect, test } from 'vitest';
import { takeHandedSockets } from '../../cli/handed-sockets.ts';

test('they are known by name, several by one', () => {
  const environment = { LISTEN_PID: '7', LISTEN_FDS: '4', LISTEN_FDNAMES: 'sdk:admin:sdk:', OTHER: 'x' };
  expect([...takeHandedSockets(environment, 7)]).toEqual([
    ['sdk', [3, 5]],
    ['admin', [4]],
    ['unknown', [6]],
  ]);
  // A program that is started from here has none of them.
  expect(environment).toEqual({ OTHER: 'x' });
});

test.each([
  ['none', {}],
  ['those of another program', { LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'sdk' }],
  ['no number of them', { LISTEN_PID: '7', LISTEN_FDS: 'x' }],
  ['a negative number', { LISTEN_PID: '7', LISTEN_FDS: '-1' }],
  ['more than there can be', { LISTEN_PID: '7', LISTEN_FDS: '1e9' }],
])('%s: nothing is taken', (_, environment) => {
  expect(takeHandedSockets({ ...environment }, 7).size).toBe(0);
});

test('without names they have the name that systemd gives', () => {
  expect([...takeHandedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)]).toEqual([['unknown', [3, 4]]]);
});
