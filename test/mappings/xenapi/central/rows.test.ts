/** The command table and what is answered here: each central or direct row has its answer, and each answer its row. */
import { describe, expect, it } from 'vitest';
import { answerOf, centralMethods } from '../../../../mappings/xenapi/central/central.ts';
import { commands, rowOf } from '../../../../mappings/xenapi/commands.ts';

describe('the command table', () => {
  const written = commands.filter(({ route, job }) => (route === 'central' || route === 'direct') && job !== true);

  it('has many rows of this kind', () => {
    expect(written.length).toBeGreaterThan(100);
  });

  it.each(written.map(({ method }) => method))('%s is answered', (method) => {
    expect(answerOf(method)).toBeTypeOf('function');
  });

  it.each(centralMethods)('%s can be called', (method) => {
    expect(['central', 'direct', 'broker']).toContain(rowOf(method)?.route);
  });

  it('answers nothing else', () => {
    for (const method of ['VM.get_record', 'VM.migrate_send', 'constructor', 'VM.set_', 'system.listMethods', ''])
      expect(rowOf(method)?.route === 'central' ? undefined : answerOf(method)).toBeUndefined();
  });
});
