/** The derived setters of every class but VM in, own data out: fields that no host keeps are kept here, durable and with their events. */
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { ownObject, putOwnObject, writeOwn } from '../own-data.ts';
import { type Default, type Does, messageOf } from '../types.ts';
import { currentField } from './current.ts';
import { refuse } from './refusal.ts';
import { idOf } from './targets.ts';
import { type Answer, type Ending, ended, textArg, type Work } from './work.ts';

type Map = Readonly<Record<string, Default>>;

const isMap = (value: Default | undefined): value is Map =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const without = (map: Readonly<Record<string, string>>, key: string): Record<string, string> =>
  Object.fromEntries(Object.entries(map).filter(([one]) => one !== key));

/** A derived write on what a field holds. undefined: nothing changes. */
export const written = (
  does: Exclude<Does['kind'], 'get-field'>,
  field: string,
  before: Default | undefined,
  work: Work,
): Default | undefined => {
  const { args, self } = work;
  const map = isMap(before) ? before : {};
  const set = Array.isArray(before) ? (before as readonly Default[]) : [];
  const key = textArg(work, 'key');
  switch (does) {
    case 'set-field':
      return args['value'] as Default;
    case 'add':
      return set.includes(args['value'] as Default) ? undefined : [...set, args['value'] as Default];
    case 'remove':
      return set.includes(args['value'] as Default) ? set.filter((one) => one !== args['value']) : undefined;
    case 'add-to':
      if (Object.hasOwn(map, key)) return refuse('MAP_DUPLICATE_KEY', work.call.target.type, field, self, key);
      return Object.fromEntries([...Object.entries(map), [key, args['value'] as Default]]);
    case 'remove-from':
      return Object.hasOwn(map, key)
        ? Object.fromEntries(Object.entries(map).filter(([one]) => one !== key))
        : undefined;
    default:
      throw new Error(`${does} writes no field`);
  }
};

export const keep = (ref: string, field: string, value: Default, { context }: Work): void => {
  if (ownObject(context, ref)) putOwnObject(context, ref, { [field]: value });
  else writeOwn(context, ref, field, value);
};

/** References that are set name something, or nothing. */
const checkRef = (method: string, work: Work): void => {
  const type = messageOf(method)?.params.find(({ name }) => name === 'value')?.type;
  if (type?.kind !== 'ref') return;
  const ref = textArg(work, 'value');
  if (ref !== NULL_REF && ref !== '') idOf(type.class, ref, work);
};

const writes = (cls: string, field: string, does: Exclude<Does['kind'], 'get-field'>): Answer =>
  function* (work: Work): Brokered<Ending> {
    checkRef(work.call.method, work);
    const before = yield* currentField(cls, work.self, field, work);
    const value = written(does, field, before, work);
    if (value !== undefined) keep(work.self, field, value, work);
    return ended();
  };

/** Messages that the model spells out and that mean no more than their names. */
const SPELLED =
  /^(SR|VDI|network|task)\.(set|add_to|remove_from|add|remove)_(name_label|name_description|other_config|purpose)$/;
const KINDS = { set: 'set-field', add_to: 'add-to', remove_from: 'remove-from', add: 'add', remove: 'remove' } as const;

/** undefined: no such write is known. */
export const ownFieldAnswer = (method: string): Answer | undefined => {
  const message = messageOf(method);
  if (!message || message.class === 'VM') return undefined;
  const { does } = message;
  if (does && 'field' in does && does.kind !== 'get-field') return writes(message.class, does.field.name, does.kind);
  const spelled = SPELLED.exec(method);
  const [, cls = '', verb = '', field = ''] = spelled ?? [];
  return spelled ? writes(cls, field, KINDS[verb as keyof typeof KINDS]) : undefined;
};
