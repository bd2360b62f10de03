/** What every platform folder must be, over the registry: a new folder is tested on arrival, without a line here. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Access, Route } from '../../mappings/generic/call.ts';
import type { Params, Verb } from '../../mappings/generic/commands.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { Platform } from '../../mappings/generic/platform.ts';
import { PLATFORMS } from '../../mappings/platforms.ts';
import { chooseEngine } from '../../transform-server/engine/engine.ts';

/** Complete by its type: a verb that is new in the vocabulary is missed here by the type check. */
const VERBS = Object.keys({
  'vm.start': 0,
  'vm.stop': 0,
  'vm.reset': 0,
  'vm.suspend': 0,
  'vm.pause': 0,
  'vm.resume': 0,
  'vm.shutdownGuest': 0,
  'vm.rebootGuest': 0,
  'vm.create': 0,
  'vm.change': 0,
  'vm.rename': 0,
  'vm.delete': 0,
  'vm.clone': 0,
  'vm.setAutostart': 0,
  'snapshot.create': 0,
  'snapshot.revert': 0,
  'snapshot.delete': 0,
  'snapshot.deleteAll': 0,
  'snapshot.rename': 0,
  'volume.create': 0,
  'volume.delete': 0,
  'volume.copy': 0,
  'volume.resize': 0,
  'storage.refresh': 0,
  'storage.create': 0,
  'storage.activate': 0,
  'storage.deactivate': 0,
  'storage.delete': 0,
  'network.create': 0,
  'network.addPortgroup': 0,
  'network.removePortgroup': 0,
  'network.delete': 0,
  'host.enterMaintenance': 0,
  'host.exitMaintenance': 0,
  'host.reboot': 0,
  'host.shutdown': 0,
} satisfies { [V in keyof Params]: 0 });
const ROUTES = ['session', 'direct', 'central', 'broker', 'stream', 'pass', 'refuse'] satisfies Route[];
const ACCESS = ['none', 'read', 'operate', 'admin'] satisfies Access[];
const KINDS = ['host', 'vm', 'storage', 'volume', 'network'] satisfies DocumentKind[];
/** What a host must do without data of the VM. */
const DIRECT: readonly Verb[] = [
  'vm.start',
  'vm.stop',
  'vm.reset',
  'vm.suspend',
  'vm.pause',
  'vm.resume',
  'vm.shutdownGuest',
  'vm.rebootGuest',
  'storage.refresh',
];

/** What is wrong with a manifest, as sentences. */
const complaints = (name: string, platform: Platform): string[] => {
  const out: string[] = [];
  const must = (isSo: boolean, says: string): void => {
    if (!isSo) out.push(says);
  };
  must(platform.name === name, `it is registered as ${name} and calls itself ${platform.name}`);
  must(/^[a-z][a-z0-9]*$/.test(name), 'its name is no plain word');
  must(platform.title !== '', 'it has no title');
  must(platform.front !== undefined || platform.driver !== undefined, 'it is neither a front nor a host');

  const seen = new Set<string>();
  for (const row of platform.commands) {
    const key = `${row.on}.${row.method}`;
    must(!seen.has(key), `${key} has two rows`);
    seen.add(key);
    must(row.method !== '' && row.on !== '', `${key} lacks a name`);
    must(ROUTES.includes(row.route), `${key}: no route ${row.route}`);
    must(ACCESS.includes(row.access), `${key}: no access ${row.access}`);
    must(row.verb === undefined || VERBS.includes(row.verb), `${key}: no verb ${row.verb}`);
    must(
      row.route !== 'direct' || (row.verb !== undefined && DIRECT.includes(row.verb)),
      `${key}: the direct route takes verbs that need no VM data, not ${row.verb}`,
    );
    must(row.centralIf === undefined || row.route === 'direct', `${key}: centralIf is for direct rows`);
    must(
      row.verb === undefined || row.access === 'operate' || row.access === 'admin',
      `${key} changes something and asks only for ${row.access}`,
    );
    must(row.route !== 'refuse' || row.verb === undefined, `${key} is refused and has a verb`);
    must(row.because === undefined || row.route === 'refuse', `${key} says why it is refused and is not`);
  }

  const has = (part: keyof Platform): boolean => platform[part] !== undefined;
  if (has('front')) {
    must(platform.commands.length > 0, 'a front without commands');
    must(has('broker'), 'a front without a broker');
    must(has('render'), 'a front without a render side');
    must(Object.keys(platform.sheets.fromGeneric).length > 0, 'a front without from-generic sheets');
    const { port, maxBodyBytes } = platform.front ?? { port: 0, maxBodyBytes: 0 };
    must(Number.isInteger(port) && port > 0 && port < 65_536, `a front on port ${port}`);
    must(maxBodyBytes > 0 && maxBodyBytes <= 64 * 1024 * 1024, `a front that takes bodies of ${maxBodyBytes} bytes`);
  } else
    must(
      !has('broker') && !has('render') && platform.commands.length === 0,
      'broker, render side or commands without a front',
    );

  const hostParts = (['driver', 'host', 'connect', 'converse', 'schemes'] as const).filter(has);
  must(
    hostParts.length === 0 || (hostParts.length === 4 && has('connect') !== has('converse')),
    `a host needs driver, host, schemes and one of connect and converse; it has ${hostParts.join(', ')}`,
  );
  if (platform.driver) {
    const { read, work } = platform.driver.lanes;
    must(read >= 1 && work >= 1, 'a driver without lanes');
    must(new Set(platform.driver.questions).size === platform.driver.questions.length, 'a question twice');
    for (const kind of KINDS)
      must(platform.sheets.toGeneric[kind] !== undefined, `a host without a to-generic sheet for ${kind}`);
    const { toHost, fromGeneric } = platform.sheets;
    const areCalls = toHost !== undefined && Object.keys(toHost).length === 0;
    must(areCalls || (toHost ?? fromGeneric).vm !== undefined, 'a host without a sheet for changes of a vm');
    must(!has('front') || toHost !== undefined, 'front and host share the from-generic sheets');
    for (const scheme of platform.schemes ?? []) must(/^[a-z][a-z0-9]*$/.test(scheme), `"${scheme}" is no scheme`);
  } else must(Object.keys(platform.sheets.toGeneric).length === 0, 'to-generic sheets without a host');
  return out;
};

const sheetsOf = (platform: Platform): [string, URL][] =>
  (
    [
      ['to-generic', platform.sheets.toGeneric],
      ['from-generic', platform.sheets.fromGeneric],
      ['to-host', platform.sheets.toHost ?? {}],
    ] as const
  ).flatMap(([direction, sheets]) =>
    Object.entries(sheets).map(([kind, url]): [string, URL] => [`${direction}/${kind}.xsl`, url]),
  );

/** Loaded in each test: a folder that does not load fails its own tests only. */
const load = (name: string): Promise<Platform> => (PLATFORMS[name] as () => Promise<Platform>)();
const names = Object.keys(PLATFORMS);

describe.each(names)('%s', (name) => {
  test('its manifest is whole', async () => {
    expect(complaints(name, await load(name))).toEqual([]);
  });
  test('its sheets lie in its folder under their names', async () => {
    for (const [file, url] of sheetsOf(await load(name))) {
      expect(url.pathname.endsWith(`/mappings/${name}/${file}`), `${url.pathname} is not ${file}`).toBe(true);
      expect(readFileSync(url, 'utf8'), file).toContain('http://www.w3.org/1999/XSL/Transform');
    }
  });
  test.each(['libxslt', 'xslt-processor'] as const)('its sheets compile with %s', async (engineName) => {
    const engine = await chooseEngine(engineName);
    for (const [file, url] of sheetsOf(await load(name))) {
      const compiled = await engine
        .compile(readFileSync(url, 'utf8'))
        .catch((error: unknown) => new Error(`${file}: ${error}`));
      expect(compiled).not.toBeInstanceOf(Error);
      if (!(compiled instanceof Error)) compiled.dispose();
    }
    engine.dispose();
  });
  test('a URI of no known kind is a fault, not an error', async () => {
    const { connect, converse, schemes } = await load(name);
    const reach = connect ?? converse;
    for (const uri of ['', 'nonsense', 'no-such-scheme://x/y', `${schemes?.[0]}:`, `${schemes?.[0]}://`])
      if (reach) expect(reach(uri).ok, uri).toBe(false);
  });
  test('a verb that is not direct is an error of ours, an unknown question is not supported', async () => {
    const { driver } = await load(name);
    if (!driver) return;
    const unasked = () => Promise.reject(new Error('not to be asked'));
    const send = { call: unasked, gather: unasked };
    await expect((async () => driver.execute(send, 'vm.create', 'x'))()).rejects.toThrow(/vm\.create/);
    const unsupported = { ok: false, fault: { kind: 'not-supported' } };
    expect(await driver.ask(send, 'no such question', {})).toMatchObject(unsupported);
    expect(await driver.stream(send, { procedure: 'no.such', args: {} })).toMatchObject(unsupported);
  });
});

test('no two platforms drive one URI scheme', async () => {
  const schemes = (await Promise.all(names.map(load))).flatMap((platform) => platform.schemes ?? []);
  expect(schemes.length).toBeGreaterThan(0);
  expect(new Set(schemes).size).toBe(schemes.length);
});

test('a manifest that is not whole is complained about', async () => {
  const all = await Promise.all(names.map(async (name) => [name, await load(name)] as const));
  const sound = all.find(([, platform]) => platform.driver !== undefined);
  if (!sound) throw new Error('no host platform');
  const [name, platform] = sound;
  const { connect: _, ...unconnected } = platform;
  expect(complaints(`${name}2`, platform)).not.toEqual([]);
  expect(complaints(name, unconnected)).not.toEqual([]);
  const row = { method: 'M', on: 'T', route: 'direct', access: 'read', verb: 'vm.create' } as const;
  expect(complaints(name, { ...platform, commands: [row, row] }).length).toBeGreaterThanOrEqual(4);
});
