/** Map fields in, their entries in sheet inputs out; moments in, XenAPI's times out. */
import { element } from '../../wire/markup.ts';

/** One entry of a map field: `<entry field="platform" k="acpi" v="true"/>`. */
export const entries = (field: string, map: Readonly<Record<string, string>>): string =>
  Object.keys(map)
    .map((k) => element('entry', { field, k, v: map[k] }))
    .join('');

/** `20261121T09:30:00Z`. */
export const dateTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace(/-/g, '')}Z`;

/** undefined, 0: never. */
export const timeOrNever = (ms: number | undefined): string => dateTime(ms === undefined || ms < 0 ? 0 : ms);
