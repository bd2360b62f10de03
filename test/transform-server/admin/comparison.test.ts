/** What becomes of each field of an object, found by exchanging one value at a time. */
import { describe, expect, it } from 'vitest';
import { formatDocument } from '../../../mappings/generic/documents.ts';
import { emptyVm } from '../../../mappings/generic/empty-vm.ts';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { Vm } from '../../../mappings/generic/model.ts';
import type { FrontInstance } from '../../../mappings/generic/platform.ts';
import { compare } from '../../../transform-server/admin/comparison.ts';
import { leavesOf } from '../../../transform-server/admin/leaves.ts';
import { otherNative, otherValue } from '../../../transform-server/admin/other-value.ts';
import type { Renderer } from '../../../transform-server/engine/renderer.ts';

const MIB = 1024 * 1024;
const front = { name: 'f' } as FrontInstance;
const written = (text: string, name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(text)?.[1] ?? '';

/** A host that knows name, memory in MiB and a colour; a front that shows name and memory, and refuses machines without CPUs. */
const tried: Renderer['tried'] = async (_id, other) => {
  if ('native' in other) {
    const text = other.native.parts['text'] ?? '';
    const memory = Number(written(text, 'memory'));
    return formatDocument('vm', { ...emptyVm(memory * MIB, 64), name: written(text, 'title') });
  }
  const { name, memoryBytes, cpuCount } = other.generic as Vm;
  if (cpuCount > 1) return undefined;
  const stamp = JSON.stringify(other.generic).length;
  return `<bundle><member type="Machine"><label>${name}</label><mb>${memoryBytes / MIB}</mb><stamp>${stamp}</stamp></member></bundle>`;
};

describe('a comparison', () => {
  const native = {
    kind: 'vm' as const,
    native: 'u1',
    parts: { text: '<machine><title>alpha</title><memory>64</memory><colour shade="dark">red</colour></machine>' },
    facts: {},
  };
  const generic = { ...emptyVm(64 * MIB, 64), name: 'alpha' };
  const made = () => compare({ tried } as Renderer, 'vm-1' as HubId, native, generic, [front]);

  it('tells where each field is on both sides, with what stands there', async () => {
    const { fields } = await made();
    const of = (name: string) => fields.find(({ field }) => field === name);
    expect(of('name')).toMatchObject({
      value: 'alpha',
      native: [{ path: 'machine.title', value: 'alpha' }],
      fronts: { f: [{ path: 'Machine.label', value: 'alpha' }] },
    });
    expect(of('memoryBytes')).toMatchObject({
      native: [{ path: 'machine.memory', value: '64' }],
      fronts: { f: [{ path: 'Machine.mb', value: '64' }] },
    });
  });

  it('marks what a front does not show, and what only the host knows', async () => {
    const { fields, unread } = await made();
    expect(fields.find(({ field }) => field === 'firmware')).toMatchObject({ native: [], fronts: { f: [] } });
    expect(unread).toEqual([
      { path: 'machine.colour@shade', value: 'dark' },
      { path: 'machine.colour', value: 'red' },
    ]);
  });

  it('does not call lost what a sheet refuses to have otherwise', async () => {
    const { fields } = await made();
    expect(fields.find(({ field }) => field === 'cpuCount')?.fronts['f']).toEqual([{ path: '', value: '' }]);
  });
});

it('finds every value of a document at its place', () => {
  const text = `<?xml version="1.0"?><a x='1'><b>two</b><b k="v"/><!-- <c>no</c> --><d xsi:type="T"><e k="key">3</e></d></a>`;
  const leaves = leavesOf(text, 100);
  expect(leaves.map(({ path, text: value }) => [path, value])).toEqual([
    ['a@x', '1'],
    ['a.b', 'two'],
    ['a.b[1]@k', 'v'],
    ['a.d[T][key]', '3'],
  ]);
  for (const { start, end, text: value } of leaves) expect(text.slice(start, end)).toBe(value);
  expect(leavesOf(text, 2)).toHaveLength(2);
});

it('gives another value of the same sort', () => {
  expect(otherValue('memoryBytes', 64 * MIB)).toBe(128 * MIB);
  expect(otherValue('cpuCount', 2)).toBe(3);
  expect(otherValue('powerState', 'stopped')).toBe('running');
  expect(otherValue('nics[0].mac', '02:00:00:00:00:01')).toBe('02:00:00:00:00:02');
  expect(otherValue('autostart', true)).toBe(false);
  expect(otherNative('domain.features@state', 'on')).toBe('off');
  expect(otherNative('domain.graphics@port', '-1')).toBe('5901');
});
