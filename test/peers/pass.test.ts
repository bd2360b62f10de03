/** The route pass, judged by govc on vcsim behind the product: the host's own sessions, streams and long polls, and what the exchange log saw of them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Govc, govcOn, startVcsim, type Vcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const USER = 'peer';
const PASSWORD = 'pass of the host';

for (const mode of ['esx', 'vpx'] as const) {
  describeWith(['vcsim', 'govc'], `a front that passes, vcsim as ${mode}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'tvr-'));
    const passwordFile = join(folder, 'password');
    const datacenter = mode === 'esx' ? 'ha-datacenter' : 'DC0';
    const first = mode === 'esx' ? 'ha-host_VM0' : 'DC0_H0_VM0';
    let vcsim: Vcsim;
    let product: Transvisor;
    let own: Govc;
    let govc: Govc;

    beforeAll(async () => {
      vcsim = await startVcsim([
        ...(mode === 'esx' ? ['-esx'] : []),
        ...['-tls=false', '-username', USER, '-password', PASSWORD],
      ]);
      writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
      product = await startTransvisor({
        host: `${mode}+http://${new URL(vcsim.url).host}/`,
        options: ['--host-user', USER, '--host-password-file', passwordFile],
      });
      const session = { user: USER, password: PASSWORD };
      own = govcOn({ url: vcsim.url, ...session });
      govc = govcOn({ url: product.url, ...session });
    });
    afterAll(async () => {
      await product?.[Symbol.asyncDispose]();
      await vcsim?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    type Detail = Readonly<Record<string, unknown>>;
    /** What was told of all exchanges, hop by hop. */
    const told = async (): Promise<readonly Detail[]> => {
      const { url, token } = product.admin;
      const get = async <T>(path: string): Promise<T> => {
        const answer = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
        return (await answer.json()) as T;
      };
      const { items } = await get<{ items: { exchange: string }[] }>('/exchanges?limit=500');
      const wholes = items.map(({ exchange }) => get<{ hops: { detail: Detail }[] }>(`/exchanges/${exchange}`));
      return (await Promise.all(wholes)).flatMap(({ hops }) => hops.map(({ detail }) => detail));
    };

    test('answers as the host itself, whatever is asked', async () => {
      for (const asked of [
        ['about', '-json'],
        ['vm.info', '-json', first],
        ['object.collect', '-json', '/', 'name'],
        ['datastore.info', '-json'],
        ['host.info', '-json', '-host', (await own('find', '/', '-type', 'h')).split('\n')[0] ?? ''],
        ['ls', '-l', '/'],
        ['role.ls'],
      ])
        expect(await govc(...asked), asked.join(' ')).toBe(await own(...asked));
    });

    test('has the sessions of the host: its users, its cookies, its refusals', async () => {
      const stranger = govcOn({
        url: product.url,
        user: product.user === USER ? 'root' : product.user,
        password: 'no',
      });
      await expect(stranger('ls')).rejects.toThrow(/incorrect user name or password|Login failure/);
      const soap = rawSoap({ url: product.url, user: USER, password: PASSWORD });
      const { cookie } = await soap.logIn();
      expect(cookie).toMatch(/vmware_soap_session/);
      // The same cookie is one of the host itself.
      const asked = await fetch(vcsim.url, {
        method: 'POST',
        headers: { cookie: cookie?.split(';')[0] ?? '' },
        body: '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime></Body></Envelope>',
      });
      expect([asked.status, await asked.text()]).toEqual([200, expect.stringContaining('CurrentTimeResponse')]);
      soap.close();
    });

    test('moves files both ways to the byte', async () => {
      const [here, back] = [join(folder, 'here'), join(folder, 'back')];
      writeFileSync(here, randomBytes(3_000_000));
      const target = ['-ds', 'LocalDS_0', '-dc', datacenter] as const;
      await govc('datastore.upload', ...target, here, 'passed.bin');
      await govc('datastore.download', ...target, 'passed.bin', back);
      const sum = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
      expect(sum(back)).toBe(sum(here));
    });

    test('lets a poll wait and hear of what the host was told beside it', async () => {
      await own('vm.power', '-off', first);
      const path = (await own('find', '/', '-type', 'm', '-name', first)).trim();
      const waiting = govc('object.collect', path, '-runtime.powerState', 'poweredOn');
      let isOver = false;
      void waiting.then(() => {
        isOver = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(isOver).toBe(false);
      await own('vm.power', '-on', first);
      expect(await waiting).toContain('poweredOn');
    });

    test('is seen by the exchange log: call, status, sizes, time; no secret', async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const seen = await told();
      const of = (call: string) => seen.find((one) => one['call'] === call);
      expect(of('Login')).toMatchObject({ method: 'POST', path: '/sdk', front: expect.stringContaining('vim25') });
      expect(of('RetrieveServiceContent')).toMatchObject({ status: 200 });
      expect(Number(of('RetrieveServiceContent')?.['answerBytes'])).toBeGreaterThan(1000);
      expect(seen.find((one) => one['method'] === 'PUT')).toMatchObject({ requestBytes: 3_000_000 });
      expect(seen.find((one) => one['method'] === 'GET' && Number(one['answerBytes']) === 3_000_000)).toBeDefined();
      expect(JSON.stringify(seen)).not.toContain(PASSWORD);
      expect(JSON.stringify(seen)).not.toContain('vmware_soap_session');
    });
  });
}
