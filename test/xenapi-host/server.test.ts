/** The simulated XenServer host byte by byte: paths, both protocols with their versions, what is malformed, disks, consoles, statistics. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';

let host: XenHost;
let session: string;

beforeAll(async () => {
  host = await startXenHost({ user: 'root', password: 'pw', loginDelayMs: 30, operationMs: 1, vms: 2 });
  session = String(await rpc('session.login_with_password', 'root', 'pw'));
});
afterAll(() => host.close());

const post = async (path: string, body: string): Promise<{ status: number; type: string | null; text: string }> => {
  const response = await fetch(host.url + path, { method: 'POST', body });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

/** One call by JSON-RPC 2; a refusal as [code, ...parameters]. */
const rpc = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
  const { text } = await post('/jsonrpc', JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }));
  const { result, error } = JSON.parse(text) as { result: unknown; error?: { message: string; data: string[] } };
  return error === undefined ? result : [error.message, ...error.data];
};

const call = (method: string, ...params: readonly string[]): string =>
  `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params
    .map((param) => `<param>${param}</param>`)
    .join('')}</params></methodCall>`;
const text = (value: string): string => `<value><string>${value}</string></value>`;

const vmNamed = async (name: string): Promise<string> =>
  ((await rpc('VM.get_by_name_label', session, name)) as string[])[0] ?? '';

describe('XML-RPC', () => {
  test.each(['/', '/RPC2', '/xmlrpc', '/anything'])(
    'is at %s, with its content type and nothing more',
    async (path) => {
      const answer = await post(path, call('VM.get_all', text(session)));
      expect([answer.status, answer.type]).toEqual([200, 'text/xml']);
      expect(answer.text).toMatch(
        /^<\?xml version="1.0"\?><methodResponse><params><param><value><struct><member><name>Status<\/name><value>Success<\/value>/,
      );
    },
  );

  test('values are written as the API writes them', async () => {
    const vm = await vmNamed('vm-1');
    const value = async (method: string, ...params: string[]): Promise<string> => {
      const answer = await post('/', call(method, text(session), ...params));
      return /<name>Value<\/name>(.*)<\/member><\/struct><\/value><\/param>/.exec(answer.text)?.[1] ?? answer.text;
    };
    expect(await value('VM.get_memory_static_max', text(vm))).toBe('<value>67108864</value>');
    expect(await value('VM.get_HVM_shadow_multiplier', text(vm))).toBe('<value><double>1</double></value>');
    expect(await value('VM.get_is_a_template', text(vm))).toBe('<value><boolean>0</boolean></value>');
    expect(await value('VM.get_snapshot_time', text(vm))).toBe(
      '<value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>',
    );
    expect(await value('VM.get_PV_args', text(vm))).toBe('<value></value>');
    expect(await value('VM.get_tags', text(vm))).toBe('<value><array><data></data></array></value>');
    expect(await value('VM.get_snapshot_info', text(vm))).toBe('<value><struct></struct></value>');
    expect(await value('VM.set_PV_args', text(vm), '<value><nil/></value>')).toBe('<value></value>');
    expect(await value('VM.set_user_version', text(vm), '<value><i8>9007199254740993</i8></value>')).toBe(
      '<value></value>',
    );
    expect(await value('VM.get_user_version', text(vm))).toBe('<value>9007199254740993</value>');
  });

  test('a refusal is a Failure with code and parameters', async () => {
    const { status, text: body } = await post(
      '/',
      call(
        'VM.start',
        text(session),
        text('x'),
        '<value><boolean>0</boolean></value>',
        '<value><boolean>0</boolean></value>',
      ),
    );
    expect(status).toBe(200);
    expect(body).toContain(
      '<value><struct><member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name>' +
        '<value><array><data><value>HANDLE_INVALID</value><value>VM</value><value>x</value></data></array></value></member></struct></value>',
    );
  });

  test('system.listMethods is a bare array and needs no session', async () => {
    const { text: body } = await post('/', call('system.listMethods'));
    expect(body).toMatch(/<param><value><array><data><value>session\.get_record<\/value>/);
    expect(body).toContain('<value>VM.get_all_records</value>');
  });

  test.each([
    ['no call', '<methodResponse/>'],
    ['not XML', 'hello'],
    ['a document type', `<!DOCTYPE a>${call('VM.get_all')}`],
    ['cut off', call('VM.get_all').slice(0, -5)],
    ['nothing', ''],
  ])('%s is an error of HTTP', async (_what, body) => {
    expect((await post('/', body)).status).toBe(500);
  });
});

describe('JSON-RPC', () => {
  const ask = async (message: string): Promise<string> => {
    const answer = await post('/jsonrpc', message);
    expect([answer.status, answer.type]).toEqual([200, 'application/json']);
    return answer.text;
  };
  test('of version 1 and 2 each in its own shape, integers unrounded', async () => {
    const vm = await vmNamed('vm-1');
    await rpc('VM.set_user_version', session, vm, '9007199254740993');
    expect(await ask(`{"method":"VM.get_user_version","params":["${session}","${vm}"],"id":"a"}`)).toBe(
      '{"result":9007199254740993,"error":null,"id":"a"}',
    );
    expect(await ask(`{"jsonrpc":"2.0","method":"VM.get_user_version","params":["${session}","${vm}"],"id":7}`)).toBe(
      '{"jsonrpc":"2.0","result":9007199254740993,"id":7}',
    );
    expect(await ask(`{"method":"VM.get_uuid","params":["${session}","x"],"id":1}`)).toBe(
      '{"result":null,"error":["HANDLE_INVALID","VM","x"],"id":1}',
    );
    expect(await ask(`{"jsonrpc":"2.0","method":"VM.get_uuid","params":["${session}","x"],"id":1}`)).toBe(
      '{"jsonrpc":"2.0","error":{"code":1,"message":"HANDLE_INVALID","data":["VM","x"]},"id":1}',
    );
    expect(await rpc('VM.get_snapshot_time', session, vm)).toBe('19700101T00:00:00Z');
    expect(await rpc('system.listMethods')).toContain('event.from');
    expect(await rpc('system.isAlive:x', 'yes')).toBe('yes');
  });
  test.each(['{"method":"a","params":[]}', '[]', '{', ''])('%s is an error of HTTP', async (body) => {
    expect((await post('/jsonrpc', body)).status).toBe(500);
  });
  test('without a session', async () => {
    expect(await rpc('VM.get_all')).toEqual(['MESSAGE_PARAMETER_COUNT_MISMATCH', 'VM.get_all', '0', '-1']);
    expect(await rpc('VM.get_all', 'OpaqueRef:none')).toEqual(['SESSION_INVALID', 'OpaqueRef:none']);
    expect(await rpc('no.such', 'OpaqueRef:none')).toEqual(['SESSION_INVALID', 'OpaqueRef:none']);
    expect(await rpc('no.such')).toEqual(['MESSAGE_METHOD_UNKNOWN', 'no.such']);
    expect(await rpc('VM.toString', session)).toEqual(['MESSAGE_METHOD_UNKNOWN', 'VM.toString']);
  });
  test('an argument of another type', async () => {
    expect(await rpc('VM.set_is_a_template', session, await vmNamed('vm-1'), 'true')).toEqual([
      'INTERNAL_ERROR',
      expect.any(String),
    ]);
    expect(await rpc('VM.set_affinity', session, await vmNamed('vm-1'), 5)).toEqual([
      'INTERNAL_ERROR',
      expect.any(String),
    ]);
  });
});

describe('a session', () => {
  test('ends when it was idle too long, and whoever waits in it is told at its end', async () => {
    const short = await startXenHost({ user: 'root', password: 'pw', sessionMs: 50, vms: 0 });
    const login = await short.sim.sessions.login('root', 'pw', '');
    expect(short.sim.sessions.isValid(login)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(short.sim.sessions.isValid(login)).toBe(false);
    await short.close();

    const other = String(await rpc('session.login_with_password', 'root', 'pw'));
    const { token } = (await rpc('event.from', other, ['pool'], '', 5)) as { token: string };
    const waiting = rpc('event.from', other, ['pool'], token, 30);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await rpc('session.logout', other)).toBe('');
    expect(await waiting).toEqual(['SESSION_INVALID', other]);
  });
});

describe('beside the calls', () => {
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(host.url + path, { headers });

  test('a disk that was never written is all zeros, and only whom it concerns gets it', async () => {
    const [vdi] = (await rpc('VDI.get_by_name_label', session, 'vm-1 0')) as string[];
    const uuid = await rpc('VDI.get_uuid', session, vdi);
    expect((await get(`/export_raw_vdi?vdi=${uuid}&format=raw`)).status).toBe(401);
    expect((await get(`/export_raw_vdi?vdi=none&session_id=${session}`)).status).toBe(404);
    expect((await get(`/export_raw_vdi?vdi=${uuid}&format=vhd&session_id=${session}`)).status).toBe(404);
    const small = String(
      await rpc('VDI.create', session, {
        ...{ name_label: '', name_description: '', SR: await rpc('VDI.get_SR', session, vdi), type: 'user' },
        ...{ virtual_size: 1, sharable: false, read_only: false, other_config: {} },
      }),
    );
    const basic = { authorization: `Basic ${Buffer.from('root:pw').toString('base64')}` };
    const bytes = Buffer.from(await (await get(`/export_raw_vdi/?vdi=${small}`, basic)).arrayBuffer());
    // Sizes are whole mebibytes.
    expect(bytes.equals(Buffer.alloc(1024 * 1024))).toBe(true);
  });

  test('a task given with a refused upload is failed', async () => {
    const task = String(await rpc('task.create', session, 'upload', ''));
    const response = await fetch(`${host.url}/import_raw_vdi?vdi=none&task_id=${task}&session_id=${session}`, {
      method: 'PUT',
      body: 'x',
    });
    expect(response.status).toBe(404);
    expect(await rpc('task.get_error_info', session, task)).toEqual(['UUID_INVALID', 'VDI', 'none']);
  });

  test('statistics have a legend and as many values in each row', async () => {
    expect((await get(`/rrd_updates?session_id=${session}`)).status).toBe(400);
    const start = Math.floor(Date.now() / 1000) - 60;
    const response = await get(
      `/rrd_updates?session_id=${session}&start=${start}&cf=AVERAGE&interval=5&host=true&json=true`,
    );
    type Statistics = {
      meta: { legend: string[]; columns: number; rows: number };
      data: { t: number; values: number[] }[];
    };
    const { meta, data } = (await response.json()) as Statistics;
    expect(meta.legend).toContain(
      `AVERAGE:host:${await rpc('host.get_uuid', session, host.sim.landmarks.host)}:memory_free_kib`,
    );
    expect(meta.legend).toContain(`AVERAGE:vm:${await rpc('VM.get_uuid', session, await vmNamed('vm-0'))}:cpu0`);
    expect(data).toHaveLength(meta.rows);
    for (const row of data) expect(row.values).toHaveLength(meta.columns);
    expect(data.map(({ t }) => t)).toEqual(data.map(({ t }) => t).sort((a, b) => b - a));
  });

  test('what nobody registered is refused', async () => {
    expect((await fetch(`${host.url}/RPC2`, { method: 'DELETE' })).status).toBe(501);
    expect((await fetch(`${host.url}/jsonrpc`, { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBe(
      '*',
    );
  });

  test('a call that is too large is refused, and its connection goes on', async () => {
    for (let n = 0; n < 5; n += 1) {
      expect((await post('/', 'x'.repeat(400_000))).status).toBe(413);
      expect(await rpc('VM.get_power_state', session, await vmNamed('vm-0'))).toBe('Running');
    }
  });
});

describe('a console', () => {
  const locationOf = async (name: string): Promise<URL> => {
    const [console] = (await rpc('VM.get_consoles', session, await vmNamed(name))) as string[];
    return new URL(String(await rpc('console.get_location', session, console)));
  };

  test('by CONNECT gives back what it gets', async () => {
    const { pathname, search, port } = await locationOf('vm-0');
    const socket = connect(Number(port), '127.0.0.1');
    let seen = '';
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
    });
    socket.write(`CONNECT ${pathname}${search} HTTP/1.0\r\nCookie: session_id=${session}\r\n\r\n`);
    await expect.poll(() => seen).toMatch(/^HTTP\/1\.1 200 OK\r\n([^\r]+\r\n)*\r\n$/);
    const head = seen.length;
    socket.write('RFB 003.008\n');
    await expect.poll(() => seen.slice(head)).toBe('RFB 003.008\n');
    socket.destroy();
  });

  test('by WebSocket too', async () => {
    const url = await locationOf('vm-0');
    url.protocol = 'ws:';
    const socket = new WebSocket(url, 'binary', { headers: { cookie: `session_id=${session}` } });
    const echoed = new Promise<string>((resolve, reject) => {
      socket.on('open', () => socket.send(Buffer.from('RFB')));
      socket.on('message', (data) => resolve(String(data)));
      socket.on('error', reject);
    });
    expect(await echoed).toBe('RFB');
    expect(socket.protocol).toBe('binary');
    socket.close();
  });

  const statusOf = (path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(host.url);
      httpRequest({ method: 'CONNECT', hostname, port, path })
        .on('connect', (response, socket) => {
          socket.destroy();
          resolve(response.statusCode);
        })
        .on('error', reject)
        .end();
    });
  test('is for those who are logged in, and of a VM that runs', async () => {
    const { pathname, search } = await locationOf('vm-0');
    expect(await statusOf(pathname + search)).toBe(401);
    expect(await statusOf(`/console?ref=${await vmNamed('vm-0')}&session_id=${session}`)).toBe(200);
    expect(await statusOf(`/console?ref=${await vmNamed('vm-1')}&session_id=${session}`)).toBe(404);
    expect(await statusOf(`/elsewhere?session_id=${session}`)).toBe(404);
  });
});

describe('copies', () => {
  const power = (vm: string): Promise<unknown> => rpc('VM.get_power_state', session, vm);

  test('a checkpoint keeps the memory: going back to it gives a suspended VM', async () => {
    const vm = await vmNamed('vm-0');
    const snapshot = String(await rpc('VM.checkpoint', session, vm, 'with memory'));
    expect([await power(vm), await power(snapshot)]).toEqual(['Running', 'Suspended']);
    expect(await rpc('VM.get_suspend_VDI', session, snapshot)).not.toBe('OpaqueRef:NULL');
    await rpc('VM.revert', session, snapshot);
    expect(await power(vm)).toBe('Suspended');
    await rpc('VM.resume', session, vm, false, false);
    expect(await power(vm)).toBe('Running');
    expect(await rpc('VM.get_parent', session, vm)).toBe(snapshot);
    await rpc('VM.destroy', session, snapshot);
    expect(await rpc('VM.get_parent', session, vm)).toBe('OpaqueRef:NULL');
  });

  test('a disk keeps its bytes through snapshot and revert, and every VDI that is left is counted in its storage', async () => {
    const vm = await vmNamed('vm-1');
    const diskOf = async (owner: string): Promise<string> => {
      for (const vbd of (await rpc('VM.get_VBDs', session, owner)) as string[])
        if ((await rpc('VBD.get_type', session, vbd)) === 'Disk') return String(await rpc('VBD.get_VDI', session, vbd));
      throw new Error('no disk');
    };
    const put = async (vdi: string, words: string): Promise<void> => {
      const url = `${host.url}/import_raw_vdi?vdi=${vdi}&session_id=${session}`;
      const response = await fetch(url, { method: 'PUT', body: words });
      // The head of the answer comes before the bytes are taken, its end after.
      expect([response.status, await response.text()]).toEqual([200, '']);
    };
    const start = async (vdi: string): Promise<string> => {
      const response = await fetch(`${host.url}/export_raw_vdi?vdi=${vdi}&session_id=${session}`);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const { value } = await reader.read();
      await reader.cancel();
      return Buffer.from(value ?? [])
        .subarray(0, 6)
        .toString();
    };
    const before = await diskOf(vm);
    await put(before, 'first!');
    const snapshot = String(await rpc('VM.snapshot', session, vm, 'first'));
    await put(before, 'second');
    expect([await start(before), await start(await diskOf(snapshot))]).toEqual(['second', 'first!']);
    await rpc('VM.revert', session, snapshot);
    const after = await diskOf(vm);
    expect(after).not.toBe(before);
    expect(await start(after)).toBe('first!');
    expect(await rpc('VDI.get_snapshots', session, after)).toEqual([await diskOf(snapshot)]);
    const sr = String(await rpc('VDI.get_SR', session, after));
    let sum = 0;
    for (const vdi of (await rpc('SR.get_VDIs', session, sr)) as string[])
      sum += Number(await rpc('VDI.get_virtual_size', session, vdi));
    expect(await rpc('SR.get_virtual_allocation', session, sr)).toBe(sum);
  });
});
