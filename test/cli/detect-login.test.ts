/** The log-in flags of `detect`: which belong together, and where a password may go. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loginDialer } from '../../cli/detect-login.ts';
import { xenapi } from '../../mappings/xenapi/platform.ts';
import { temporaryFolder } from '../temporary.ts';

let hostPasswordFile: string;
beforeAll(() => {
  hostPasswordFile = join(temporaryFolder(), 'password');
  writeFileSync(hostPasswordFile, 'secret\n', { mode: 0o600 });
});

test('none is no log-in; a part of one is a mistake, and so is a file that is not there', () => {
  expect(loginDialer('192.0.2.7', {})).toBeUndefined();
  expect(() => loginDialer('192.0.2.7', { hostUser: 'root' })).toThrow(/belong together/);
  expect(() => loginDialer('192.0.2.7', { hostPasswordFile })).toThrow(/belong together/);
  expect(() => loginDialer('192.0.2.7', { hostFingerprint: '00' })).toThrow(/belong together/);
  expect(() => loginDialer('192.0.2.7', { hostUser: 'root', hostPasswordFile: `${hostPasswordFile}.no` })).toThrow(
    /password file/,
  );
});

describe('the password goes', () => {
  const passwordFor = (uri: string): string => {
    const dialer = loginDialer('h', { hostUser: 'root', hostPasswordFile })?.(xenapi, uri);
    if (dialer === undefined || !('converse' in dialer)) throw new Error('no dialer');
    return dialer.credentials().password.reveal();
  };
  test.each(['xenapi://192.0.2.7/', 'xenapi+http://127.0.0.1:8080/', 'xenapi+http://[::1]:8080/'])('to %s', (uri) => {
    expect(passwordFor(uri)).toBe('secret');
  });
  test('not over plain HTTP to another machine', () => {
    expect(() => passwordFor('xenapi+http://192.0.2.7/')).toThrow(/plain HTTP/);
  });
});
