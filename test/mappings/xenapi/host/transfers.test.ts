/** Transfers of images as requests of the host. */
import { expect, test } from 'vitest';
import { transferAsk } from '../../../../mappings/xenapi/host/transfers.ts';

const ask = (procedure: string, args: Record<string, unknown>, direction: 'download' | 'upload') =>
  transferAsk(procedure, { vdi: 'OpaqueRef:i', ...args }, direction, 'OpaqueRef:s');

test('go out whole or by a range, and in from the beginning; the session is in no path', () => {
  const path = '/export_raw_vdi?vdi=OpaqueRef%3Ai&format=raw';
  const cookie = 'session_id=OpaqueRef:s';
  expect(ask('export_raw_vdi', {}, 'download')).toEqual({
    ok: true,
    value: { method: 'GET', path, headers: { cookie } },
  });
  const ranged = ask('export_raw_vdi', { offsetBytes: 512, lengthBytes: 1024 }, 'download');
  expect(ranged).toMatchObject({ value: { path, headers: { cookie, range: 'bytes=512-1535' } } });
  expect(ask('export_raw_vdi', { offsetBytes: 512, lengthBytes: -1 }, 'download')).toMatchObject({
    value: { headers: { range: 'bytes=512-' } },
  });
  expect(ask('import_raw_vdi', { offsetBytes: 0, lengthBytes: 10 }, 'upload')).toMatchObject({
    value: { method: 'PUT', path: '/import_raw_vdi?vdi=OpaqueRef%3Ai&format=raw' },
  });
});

test('that the host has not are refused', () => {
  for (const refused of [
    ask('import_raw_vdi', { offsetBytes: 1 }, 'upload'),
    ask('import_raw_vdi', {}, 'download'),
    ask('export_raw_vdi', {}, 'upload'),
    ask('toString', {}, 'download'),
  ])
    expect(refused).toMatchObject({ ok: false, fault: { kind: 'not-supported' } });
});
