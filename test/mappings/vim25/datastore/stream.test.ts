/** `/folder` and `/screen`: ranges, uploads, and no way out of the datastore. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../../../mappings/generic/commands.ts';
import { hubId } from '../../../../mappings/generic/ids.ts';
import type { StreamRequest } from '../../../../mappings/generic/platform.ts';
import { datastoreStream } from '../../../../mappings/vim25/datastore/stream.ts';
import { done, onlyCommand, type TestHost, testHost, volumeDoc, WEB, webDoc } from '../central/host.ts';

let host: TestHost;
beforeEach(() => {
  host = testHost();
});

describe('streams', () => {
  const stream = (method: StreamRequest['method'], path: string, more: Partial<StreamRequest> = {}) =>
    host.drive(
      datastoreStream({ method, path, query: { dcPath: 'ha-datacenter', dsName: 'default' }, ...more }, host.context),
    );
  const faultKind = (outcome: ReturnType<typeof stream>) => (outcome.ok ? undefined : outcome.fault.kind);

  it('of a volume come from the host, ranges and all', () => {
    const whole = stream('GET', '/folder/iso%2Fdebian.iso');
    expect(whole).toMatchObject({
      ok: true,
      value: {
        kind: 'native',
        direction: 'download',
        status: 200,
        offsetBytes: 0,
        lengthBytes: 12,
        call: {
          procedure: 'volume.download',
          args: { volume: 'pool-uuid/iso%2fdebian.iso', offsetBytes: 0, lengthBytes: 12 },
        },
      },
    });
    const part = stream('GET', '/folder/iso/debian.iso', { range: { start: 4, end: 100 } });
    expect(part).toMatchObject({
      value: { status: 206, offsetBytes: 4, lengthBytes: 8, headers: { 'content-range': 'bytes 4-11/12' } },
    });
    expect(stream('GET', '/folder/iso/debian.iso', { range: { start: 12 } })).toMatchObject({
      value: { kind: 'bytes', status: 416 },
    });
    // Of a qcow2 file nobody knows the length: it goes whole.
    expect(stream('GET', '/folder/web/web.vmdk', { range: { start: 4 } })).toMatchObject({
      value: { status: 200, lengthBytes: -1 },
    });
  });

  it('of a machine are its .vmx', () => {
    const answer = stream('GET', '/folder/web/web.vmx');
    if (!answer.ok || answer.value.kind !== 'bytes') throw new Error('no bytes');
    expect(Buffer.from(answer.value.bytes).toString()).toContain('displayName = "web"');
    expect(stream('HEAD', '/folder/web/web.vmx')).toMatchObject({
      value: { status: 200, headers: { 'content-length': String(answer.value.bytes.length) } },
    });
    const part = stream('GET', '/folder/web/web.vmx', { range: { start: 1, end: 8 } });
    expect(part.ok && part.value.kind === 'bytes' && Buffer.from(part.value.bytes).toString()).toBe('encoding');
  });

  it('lead nowhere else', () => {
    for (const path of ['/folder/../../etc/passwd', '/folder/%2e%2e/%2e%2e/etc/passwd', '/folder/web%2f..%2f..%2fx'])
      expect(faultKind(stream('GET', path))).toBe('invalid-datastore-path');
    expect(faultKind(stream('GET', '/folder/%zz'))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/folder/a%00b'))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/folder/no'))).toBe('file-not-found');
    expect(faultKind(stream('GET', '/folder/web'))).toBe('file-not-found');
    expect(faultKind(stream('GET', '/folder/web/web.vmx', { query: { dcPath: 'DC0', dsName: 'default' } }))).toBe(
      'file-not-found',
    );
    expect(faultKind(stream('GET', '/folder/web/web.vmx', { query: {} }))).toBe('invalid-argument');
    expect(faultKind(stream('GET', '/other'))).toBe('file-not-found');
  });

  const made = ({ verb, params }: Command): void => {
    const { name } = params as { name: string };
    if (verb === 'volume.create')
      host.put('volume', hubId('volume', 70), `pool-uuid/${name}`, volumeDoc(name, { format: 'raw' }));
  };

  it('up make a volume first, a new one even where one was', () => {
    host.onRun(made);
    expect(stream('PUT', '/folder/up/x.iso', { lengthBytes: 5 })).toMatchObject({
      value: {
        kind: 'native',
        direction: 'upload',
        status: 201,
        lengthBytes: 5,
        call: { procedure: 'volume.upload', args: { volume: 'pool-uuid/up%2fx.iso' } },
        touches: [{ kind: 'volume', native: 'pool-uuid/up%2fx.iso' }],
      },
    });
    expect(onlyCommand(host)).toMatchObject({
      verb: 'volume.create',
      params: { name: 'up%2fx.iso', capacityBytes: 5, format: 'raw' },
    });
    stream('PUT', '/folder/made-by-others.qcow2');
    expect(host.commands.slice(1).map(({ command }) => command.verb)).toEqual(['volume.delete', 'volume.create']);
  });

  it('up overwrite no disk and no file of a machine', () => {
    expect(faultKind(stream('PUT', '/folder/web/web.vmdk'))).toBe('file-locked');
    expect(faultKind(stream('PUT', '/folder/web/web.vmx'))).toBe('file-locked');
    expect(faultKind(stream('PUT', '/folder/web'))).toBe('file-exists');
    expect(faultKind(stream('PUT', '/folder/web/web.vmdk/x'))).toBe('file-not-found');
    expect(faultKind(stream('PUT', '/folder/big', { lengthBytes: 1024 ** 5 }))).toBe('no-disk-space');
    expect(host.commands).toEqual([]);
  });

  it("show a running machine's screen", () => {
    host.onAsk(() => done({ bytes: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]) }));
    expect(faultKind(stream('GET', '/screen', { query: { id: '10' } }))).toBe('wrong-state');
    host.put('vm', WEB, 'web', webDoc({ powerState: 'running' }));
    expect(stream('GET', '/screen', { query: { id: '10' } })).toMatchObject({
      value: { status: 200, headers: { 'content-type': 'image/png' } },
    });
    expect(faultKind(stream('GET', '/screen', { query: { id: '99' } }))).toBe('object-not-found');
  });
});
