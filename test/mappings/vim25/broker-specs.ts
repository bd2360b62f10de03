/** What clients ask a PropertyCollector for, as arguments of its methods. */
import { moRef } from '../../../mappings/vim25/values.ts';

export const PC = ['PropertyCollector', 'ha-property-collector'] as const;
export const VIEWS = ['ViewManager', 'ViewManager'] as const;
export const SEARCH = ['SearchIndex', 'ha-searchindex'] as const;

export const objectSpec = (type: string, value: string, more: object = {}) => ({ obj: moRef(type, value), ...more });
export const properties = (type: string, ...pathSet: string[]) => ({ type, pathSet });
export const spec = (objectSet: object[], propSet: object[]) => ({ _type: 'PropertyFilterSpec', objectSet, propSet });

/** A spec for what a view shows. */
export const viewSpec = (view: readonly [string, string], ...propSet: object[]) =>
  spec(
    [
      objectSpec(view[0], view[1], {
        skip: true,
        selectSet: [{ _type: 'TraversalSpec', type: view[0], path: 'view' }],
      }),
    ],
    propSet,
  );
