/** other_config of VBDs and VIFs in: their VM's host keeps it, under the name of the device; of what is not plugged it is kept here. */
import type { ForeignAttribute, Vm } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { putOwnObject } from '../own-data.ts';
import { type Does, messageOf } from '../types.ts';
import { attributeMap, keptMap } from '../vm-attributes.ts';
import { cardOf, driveOf } from './devices.ts';
import { written } from './own-fields.ts';
import { type Answer, type Ending, ended, last, type Work } from './work.ts';

const FIELD = 'other_config';

type Kind = Exclude<Does['kind'], 'get-field'>;

const changed = (vm: Vm, prefix: string, kind: Kind, work: Work): readonly ForeignAttribute[] => {
  const value = written(kind, FIELD, attributeMap(vm, prefix), work);
  return value === undefined ? [] : keptMap(vm, prefix, value as Readonly<Record<string, string>>);
};

const writes = (cls: 'VBD' | 'VIF', kind: Kind): Answer =>
  function* (work: Work): Brokered<Ending> {
    const found = cls === 'VBD' ? yield* driveOf(work) : yield* cardOf(work);
    const { vm, pending } = found;
    if (pending) {
      const value = written(kind, FIELD, pending.fields[FIELD], work);
      if (value !== undefined) putOwnObject(work.context, pending.ref, { [FIELD]: value });
      return ended();
    }
    const name = 'userdevice' in found ? `VBD.${found.userdevice}` : `VIF.${found.card?.nic.mac.toLowerCase() ?? ''}`;
    const attributes = changed(vm.doc, `${name}.${FIELD}`, kind, work);
    return attributes.length === 0
      ? ended()
      : last(work, 'vm.change', vm.id, { change: { attributes: [...attributes] } });
  };

/** undefined: it is no such write. */
export const deviceFieldAnswer = (method: string): Answer | undefined => {
  const message = messageOf(method);
  if (message?.class !== 'VBD' && message?.class !== 'VIF') return undefined;
  const { does } = message;
  return does && 'field' in does && does.field.name === FIELD && does.kind !== 'get-field'
    ? writes(message.class, does.kind)
    : undefined;
};
