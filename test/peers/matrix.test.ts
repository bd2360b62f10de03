/** The matrix: every client of every front on every kind of host, step by step; its table stands in the README (UPDATE_MATRIX=1 writes it). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientName, type Endpoint, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { pyvmomiMatrix, xenapiPyMatrix } from './matrix/client-acts.ts';
import { govcMatrix } from './matrix/client-govc.ts';
import { xenApiMatrix } from './matrix/client-xen-api.ts';
import type { MatrixClient, MatrixHost } from './matrix/contract.ts';
import { libvirtMatrixHost } from './matrix/host-libvirt.ts';
import { vcsimMatrixHost } from './matrix/host-vcsim.ts';
import { xenapiMatrixHost } from './matrix/host-xenapi.ts';
import { type Life, STEPS, type Wrongs } from './matrix/steps.ts';
import { type Cell, matrixTable, writeTable, writtenTable } from './matrix/table.ts';
import { type FrontName, startTransvisor, type Transvisor } from './transvisor.ts';

const VIM25: Wrongs = { state: /InvalidPowerState/, id: /ManagedObjectNotFound/, login: /InvalidLogin/ };
const XENAPI: Wrongs = { state: /VM_BAD_POWER_STATE/, id: /HANDLE_INVALID/, login: /SESSION_AUTHENTICATION_FAILED/ };

const CLIENTS: readonly {
  name: string;
  front: FrontName;
  needs: readonly ClientName[];
  wrongs: Wrongs;
  open: (endpoint: Endpoint) => MatrixClient;
}[] = [
  { name: 'govc', front: 'vim25', needs: ['govc'], wrongs: VIM25, open: govcMatrix },
  { name: 'pyVmomi', front: 'vim25', needs: ['pyvmomi'], wrongs: VIM25, open: pyvmomiMatrix },
  { name: 'xen-api', front: 'xenapi', needs: ['xen-api'], wrongs: XENAPI, open: xenApiMatrix },
  { name: 'XenAPI.py', front: 'xenapi', needs: ['xenapi-py'], wrongs: XENAPI, open: xenapiPyMatrix },
];

const HOSTS: readonly {
  name: string;
  needs: readonly ClientName[];
  pauses: boolean;
  start: () => Promise<MatrixHost>;
}[] = [
  { name: 'libvirt (QEMU)', needs: [...LIBVIRT_CLIENTS, 'qemu-img'], pauses: true, start: libvirtMatrixHost },
  { name: 'ESXi (vcsim)', needs: ['vcsim', 'govc'], pauses: false, start: () => vcsimMatrixHost('esx') },
  { name: 'vCenter (vcsim)', needs: ['vcsim', 'govc'], pauses: false, start: () => vcsimMatrixHost('vpx') },
  { name: 'XenServer (simulated)', needs: ['xenapi-py'], pauses: true, start: xenapiMatrixHost },
];

const cells = new Map<string, Cell>();
const cellOf = (client: string, host: string): Cell | undefined => cells.get(`${client} on ${host}`);

for (const { name: hostName, needs: hostNeeds, pauses, start } of HOSTS) {
  describeWith(hostNeeds, `on ${hostName}`, () => {
    let host: MatrixHost;
    let product: Transvisor;
    beforeAll(async () => {
      host = await start();
      product = await startTransvisor({ host: host.uri, options: host.flags, fronts: ['vim25', 'xenapi'] });
    });
    afterAll(async () => {
      await product?.[Symbol.asyncDispose]();
      await host?.stop();
    });

    for (const { name, front, needs, wrongs, open } of CLIENTS) {
      describeWith(needs, `with ${name}`, () => {
        let life: Life;
        let passed = 0;
        // A step stands on those before it: after a failure the rest says nothing.
        let broken: string | undefined;
        beforeAll(() => {
          const cannotPause = !pauses || front === 'vim25';
          const endpoint = product.front(front);
          // What passes is the host's own session.
          const own = endpoint.pass === true ? { user: host.user, password: host.password } : {};
          life = { client: open({ ...endpoint, ...own }), host, wrongs, cannotPause, name: `matrix-${name}` };
        });
        afterAll(async () => {
          cells.set(`${name} on ${hostName}`, { passed, steps: STEPS.length });
          await life?.client.close();
        });
        for (const step of STEPS) {
          test(step.name, async () => {
            if (broken !== undefined) throw new Error(`not tried: ${broken} failed before`);
            broken = step.name;
            await step.act(life);
            broken = undefined;
            passed++;
          });
        }
      });
    }
  });
}

describe('the table in the README', () => {
  test('is what was found here', () => {
    const table = matrixTable(
      CLIENTS.map(({ name }) => name),
      HOSTS.map(({ name }) => name),
      cellOf,
    );
    if (process.env['UPDATE_MATRIX'] === '1') writeTable(table);
    else if (cells.size === CLIENTS.length * HOSTS.length) expect(writtenTable()).toBe(table);
  });
});
