/** The command table of XenAPI and what answers its rows: none without an answer, none answered without a row. */
import { describe, expect, it } from 'vitest';
import { serviceOf } from '../../../mappings/xenapi/broker/services.ts';
import { answerOf, centralMethods } from '../../../mappings/xenapi/central/central.ts';
import { CLASSES_WITH_OBJECTS, commands, listedMethods, rowOf } from '../../../mappings/xenapi/commands.ts';
import { classNames, classOf, messageOf, resolveCall } from '../../../mappings/xenapi/types.ts';

const sync = commands.filter(({ method }) => !method.startsWith('Async.'));

describe('rows', () => {
  it('of route central or direct are answered', () => {
    const wanted = sync.filter(({ route }) => route === 'central' || route === 'direct').map(({ method }) => method);
    expect(wanted.length).toBeGreaterThan(100);
    expect(wanted.filter((method) => answerOf(method) === undefined)).toEqual([]);
  });

  it('of route broker are answered by a service, by what their message does, or by who would make the change', () => {
    const wanted = sync.filter(({ route }) => route === 'broker').map(({ method }) => method);
    const answered = (method: string): boolean =>
      serviceOf(method) !== undefined || messageOf(method)?.does !== undefined || answerOf(method) !== undefined;
    expect(wanted.filter((method) => !answered(method))).toEqual([]);
  });

  it('name every answer there is', () => {
    expect(centralMethods.filter((method) => (rowOf(method)?.route ?? 'refuse') === 'refuse')).toEqual([]);
  });

  it('name every message of the data model, and none that is no message', () => {
    const all = classNames.flatMap((name) => classOf(name)?.messages.map(({ wire }) => wire) ?? []);
    expect(all.filter((wire) => rowOf(wire) === undefined)).toEqual([]);
    const own = sync.filter(({ on }) => on !== 'system').map(({ method }) => method);
    expect(own.filter((method) => messageOf(method) === undefined)).toEqual([]);
  });

  it('keep every map that clients may write, of every class that has objects', () => {
    const writes = [...CLASSES_WITH_OBJECTS].flatMap((name) =>
      (classOf(name)?.messages ?? []).filter(({ does }) => does?.kind === 'add-to' || does?.kind === 'remove-from'),
    );
    expect(writes.length).toBeGreaterThan(50);
    expect(writes.filter(({ wire }) => rowOf(wire)?.route === 'refuse').map(({ wire }) => wire)).toEqual([]);
  });

  it('have a background twin where the API has one and the work is done', () => {
    for (const row of commands.filter(({ method }) => method.startsWith('Async.'))) {
      expect(row.job, row.method).toBe(true);
      expect(resolveCall(row.method)?.message.async, row.method).toBe(true);
    }
    expect(rowOf('Async.VM.start')?.verb).toBe('vm.start');
    expect(rowOf('Async.VM.assert_can_boot_here')).toMatchObject({ route: 'central', access: 'read' });
    expect(rowOf('Async.VM.get_record')).toBeUndefined();
  });
});

describe('system.listMethods', () => {
  it('names what is served and not hidden, and no class that never has an object', () => {
    expect(listedMethods).toContain('VM.start');
    expect(listedMethods).toContain('event.inject');
    expect(listedMethods).not.toContain('VM.get_all_records_where');
    expect(listedMethods).not.toContain('host.call_plugin');
    expect(listedMethods.filter((name) => name.startsWith('Async.'))).toEqual([]);
    const watched = listedMethods.filter((name) => name.endsWith('.get_all_records')).map((name) => name.split('.')[0]);
    expect(new Set(watched)).toEqual(CLASSES_WITH_OBJECTS);
  });
});
