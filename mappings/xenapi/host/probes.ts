/** Questions of plans whether a step took effect in, what the host's records say of it out. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { Probe, ProbeAnswer } from '../../generic/plan.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { isLocator, type Locator, locate } from './locate.ts';
import { isRecord, type Plain } from './plain.ts';
import { askFound } from './reading/estate.ts';

type Fields = Readonly<Record<string, unknown>>;
type Asked = (send: DriverSend, args: Fields) => Promise<ProbeAnswer>;

const answer = (isDone: boolean): ProbeAnswer => (isDone ? 'done' : 'not-done');

const refOf = async (send: DriverSend, self: unknown): Promise<string | undefined> =>
  isLocator(self) ? (await locate(send, self))?.ref : String(self);

/** undefined: there is no such object. */
const field = async (send: DriverSend, cls: unknown, self: unknown, name: unknown): Promise<Plain | undefined> => {
  const ref = await refOf(send, self);
  return ref === undefined ? undefined : askFound(send, `${String(cls)}.get_${String(name)}`, { self: ref }, 'work');
};

/** A key of a map is its value, a member of a set itself, '' what is not there. */
const under = (value: Plain, key: string): string => {
  if (Array.isArray(value)) return value.includes(key) ? key : '';
  return isRecord(value) && Object.hasOwn(value, key) ? String(value[key]) : '';
};

const fieldIs: Asked = async (send, { cls, self, field: name, key, is }) => {
  const value = await field(send, cls, self, name);
  if (value === undefined) return 'not-done';
  const told = typeof key === 'string' ? under(value, key) : String(value);
  return answer((is as readonly string[]).includes(told));
};

const refs = (value: Plain | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const reverted: Asked = async (send, { vm, snapshot, images }) => {
  if ((await field(send, 'VM', vm, 'parent')) !== snapshot) return 'not-done';
  const old = images as readonly string[];
  if (old.length === 0) return 'done';
  const drives = refs(await field(send, 'VM', vm, 'VBDs'));
  const now = await Promise.all(drives.map((drive) => field(send, 'VBD', drive, 'VDI')));
  return answer(!now.some((image) => old.includes(String(image))));
};

const PROBES: Readonly<Record<string, Asked>> = {
  always: async () => 'done',
  'field-is': fieldIs,
  located: async (send, { locator }) => answer((await locate(send, locator as Locator)) !== undefined),
  absent: async (send, { cls, self }) => answer((await field(send, cls, self, 'uuid')) === undefined),
  labelled: async (send, { cls, label }) =>
    answer(refs(await askFound(send, `${String(cls)}.get_by_name_label`, { label }, 'work')).length > 0),
  reverted,
  // Nothing tells a whole copy from a part of one: while nobody works on it any more it is taken for none.
  idle: async (send, { vdi }) => {
    const working = await field(send, 'VDI', vdi, 'current_operations');
    return isRecord(working) && Object.keys(working).length > 0 ? 'running' : 'not-done';
  },
};

export const probeHost = async (send: DriverSend, { probe, args }: Probe): Promise<Outcome<ProbeAnswer>> => {
  const asked = Object.hasOwn(PROBES, probe) ? PROBES[probe] : undefined;
  if (!asked) throw new Error(`XenAPI hosts know no probe "${probe}"`);
  return done(await asked(send, args));
};
