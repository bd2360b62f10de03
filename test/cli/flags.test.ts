/** Which fronts the flags of `up` ask for. */
import { describe, expect, it } from 'vitest';
import { type Flags, mergeFlags } from '../../cli/flags.ts';
import type { ConfigInput } from '../../runtime/config.ts';

const fronts = (flags: Flags, file: ConfigInput = {}): readonly string[] =>
  (mergeFlags(file, flags).front ?? []).map(({ platform, host, port }) => `${platform}@${host ?? ''}=${port ?? 'own'}`);

describe('fronts', () => {
  const host = ['a=sim:///a', 'b=sim:///b'];

  it('of a host for which none is named are those of most clients', () => {
    expect(fronts({ host })).toEqual(['vim25@a=own', 'vim25@b=own']);
  });

  it('that are named are all there are on their host', () => {
    expect(fronts({ host: ['a=sim:///a'], port: ['xenapi=0'] })).toEqual(['xenapi@a=0']);
    expect(fronts({ host: ['a=sim:///a'], port: ['vim25=0', 'xenapi=0', 'admin=0'] })).toEqual([
      'vim25@a=0',
      'xenapi@a=0',
    ]);
    expect(fronts({ host, port: ['xenapi@b=8443'] })).toEqual(['xenapi@b=8443', 'vim25@a=own']);
  });

  it('of a configuration file stay as they are', () => {
    const file: ConfigInput = { host: [{ name: 'a', uri: 'sim:///a' }], front: [{ platform: 'xenapi', host: 'a' }] };
    expect(fronts({ port: ['xenapi=9'] }, file)).toEqual(['xenapi@a=9']);
  });
});
