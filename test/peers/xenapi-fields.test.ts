/** Every field that the data model lets clients write and that is served: written by a client nobody here wrote, read back, and seen in its event stream. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../mappings/xenapi/commands.ts';
import { messageOf, type Type } from '../../mappings/xenapi/types.ts';
import { describeWith } from './describe-with.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, seenBy, type Xapi } from './xen-clients.ts';
import { newDisk, newDrive } from './xen-records.ts';
import { endpointOf } from './xenapi-lanes.ts';

/** Fields that take only what is true of the host; what else they are given is refused. */
const BOUND: Readonly<Record<string, readonly [fits: unknown, refused: unknown]>> = {
  'VM.actions_after_shutdown': ['destroy', 'restart'],
  'VM.actions_after_reboot': ['restart', 'destroy'],
  'VBD.userdevice': ['0', '9'],
};

const written = commands.flatMap(({ method, route }) => {
  const message = route === 'central' ? messageOf(method) : undefined;
  const does = message?.does;
  return message && does && 'field' in does && !method.startsWith('Async.')
    ? [{ method, cls: message.class, field: does.field, kind: does.kind }]
    : [];
});

const sample = (type: Type, refs: Readonly<Record<string, string>>): unknown => {
  switch (type.kind) {
    case 'bool':
      return true;
    case 'int':
      return 3;
    case 'ref':
      return refs[type.class] ?? 'OpaqueRef:NULL';
    case 'set':
      return ['one', 'two & <three>'];
    case 'map':
      return { key: 'value', 'a b&<c>': '' };
    default:
      return `text of a test, "ä" & <b>`;
  }
};

describeWith(['xen-api'], 'fields that clients write', () => {
  let product: Transvisor;
  let xapi: Xapi;
  const refs: Record<string, string> = {};
  beforeAll(async () => {
    product = await startTransvisor({ host: 'sim:///default', fronts: ['xenapi'] });
    xapi = await openXenApi(endpointOf(product), 'json-rpc');
    const [template] = (await xapi.call('VM.get_by_name_label', 'Other install media')) as string[];
    const vm = (await xapi.call('VM.clone', template, 'fields')) as string;
    await xapi.call('VM.provision', vm);
    for (const cls of new Set(written.map((one) => one.cls))) {
      const [first] = (await xapi.call(`${cls}.get_all`)) as string[];
      if (first !== undefined) refs[cls] = first;
    }
    const [network] = Object.entries((await xapi.call('network.get_all_records')) as object).filter(
      ([, record]) => (record as { name_label: string }).name_label === 'VM Network',
    );
    const vdi = String(await xapi.call('VDI.create', newDisk(refs['SR'] ?? '', 2 ** 20, { name_label: 'd' })));
    Object.assign(refs, {
      VM: vm,
      VDI: vdi,
      network: network?.[0],
      VBD: await xapi.call('VBD.create', newDrive(vm, vdi, { unpluggable: true })),
      VIF: await xapi.call('VIF.create', {
        VM: vm,
        network: network?.[0],
        device: '0',
        MAC: '',
        MTU: 1500,
        other_config: {},
        qos_algorithm_type: '',
        qos_algorithm_params: {},
      }),
    });
    await xapi.call('VM.start', vm, false, false);
    for (const cls of ['VM_metrics', 'VM_guest_metrics', 'console']) {
      const [first] = (await xapi.call(`${cls}.get_all`)) as string[];
      if (first !== undefined) refs[cls] = first;
    }
    await xapi.call('VM.hard_shutdown', vm);
  }, 60_000);
  afterAll(async () => {
    await xapi?.disconnect();
    await product?.stop();
  });

  const isThere = async (cls: string): Promise<string> => {
    if (cls !== 'console' && cls !== 'VM_guest_metrics') return refs[cls] ?? '';
    // These are there only while a machine runs.
    if ((await xapi.call('VM.get_power_state', refs['VM'])) === 'Halted')
      await xapi.call('VM.start', refs['VM'], false, false);
    const [first] = (await xapi.call(`${cls}.get_all`)) as string[];
    return first ?? '';
  };

  test('are many', () => {
    expect(written.length).toBeGreaterThan(80);
    expect(new Set(written.map((one) => one.cls)).size).toBeGreaterThan(10);
  });

  const fields = [...new Map(written.map((one) => [`${one.cls}.${one.field.name}`, one])).values()];
  describe.each([...new Set(fields.map((one) => one.cls))])('of %s', (cls) => {
    test.each(fields.filter((one) => one.cls === cls).map((one) => [one.field.name, one.field.type] as const))(
      '%s',
      async (name, type) => {
        const ref = await isThere(cls);
        expect(ref).toMatch(/^OpaqueRef:[0-9a-f-]{36}$/);
        const bound = BOUND[`${cls}.${name}`];
        const read = (): Promise<unknown> => xapi.call(`${cls}.get_${name}`, ref);
        const before = await read();
        if (bound)
          await expect(xapi.call(`${cls}.set_${name}`, ref, bound[1])).rejects.toMatchObject({
            code: 'VALUE_NOT_SUPPORTED',
          });
        const value = bound ? bound[0] : sample(type, refs);
        await xapi.call(`${cls}.set_${name}`, ref, value);
        const keeps = type.kind === 'map' && (name === 'HVM_boot_params' || name === 'platform');
        if (keeps) expect(await read()).toMatchObject(value as object);
        else if (type.kind === 'set') expect(new Set((await read()) as string[])).toEqual(new Set(value as string[]));
        else expect(await read()).toEqual(value);
        const isOne = type.kind !== 'map' && type.kind !== 'set';
        if (isOne)
          await seenBy(`${cls}.${name} in an event`, () => xapi.getObjectByRef(ref)[name] === value || undefined);
        if (type.kind === 'map') {
          await xapi.call(`${cls}.add_to_${name}`, ref, 'another', 'x');
          await expect(xapi.call(`${cls}.add_to_${name}`, ref, 'another', 'y')).rejects.toMatchObject({
            code: 'MAP_DUPLICATE_KEY',
            params: [cls, name, ref, 'another'],
          });
          expect(await read()).toMatchObject({ ...(value as object), another: 'x' });
          await seenBy(
            `${cls}.${name} in an event`,
            () => (xapi.getObjectByRef(ref)[name] as Record<string, string>)['another'] === 'x',
          );
          await xapi.call(`${cls}.remove_from_${name}`, ref, 'another');
          await xapi.call(`${cls}.remove_from_${name}`, ref, 'never there');
          expect(await read()).not.toHaveProperty('another');
        }
        if (type.kind === 'set') {
          await xapi.call(`${cls}.add_${name}`, ref, 'another');
          await xapi.call(`${cls}.remove_${name}`, ref, 'one');
          expect(new Set((await read()) as string[])).toEqual(new Set(['two & <three>', 'another']));
          await seenBy(`${cls}.${name} in an event`, () =>
            (xapi.getObjectByRef(ref)[name] as string[]).includes('another'),
          );
        }
        if ((type.kind === 'string' || type.kind === 'bool') && !bound)
          await xapi.call(`${cls}.set_${name}`, ref, before);
      },
    );
  });
});
