/** What lives on the fuzzed host, by the references that XenAPI clients use; kept at a size that neither dies out nor grows. */
import { Agent, request } from 'node:https';
import type { Endpoint } from '../peers/clients.ts';

const VMS_WANTED = 24;
const VMS_MOST = 60;
const CLASSES =
  'VM VBD VDI VIF SR PBD network host host_metrics pool PIF task console VM_metrics VM_guest_metrics SM'.split(' ');

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Record_ = Readonly<Record<string, Json>>;
export type Call = (method: string, ...params: readonly Json[]) => Promise<Json>;

export interface Keeper {
  /** With its session; an error of the API is thrown by its code. */
  readonly call: Call;
  readonly logIn: () => Promise<void>;
  readonly close: () => void;
}

export const createKeeper = (endpoint: Endpoint): Keeper => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });
  const { hostname, port } = new URL(endpoint.url);
  let session = '';
  const ask = (method: string, params: readonly Json[]): Promise<Json> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 });
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
      const out = request({ agent, hostname, port, path: '/jsonrpc', method: 'POST', headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(parts).toString();
          const read = JSON.parse(text) as { result?: Json; error?: { message: string; data: Json } };
          if (read.error) reject(new Error(`${method}: ${read.error.message} ${JSON.stringify(read.error.data)}`));
          else resolve(read.result ?? null);
        });
      });
      out.once('error', reject);
      out.end(body);
    });
  return {
    call: (method, ...params) => ask(method, [session, ...params]),
    logIn: async () => {
      session = String(await ask('session.login_with_password', [endpoint.user, endpoint.password]));
    },
    close: () => agent.destroy(),
  };
};

export interface XenEstate {
  /** References of a class; [] when there are none. */
  readonly refs: (cls: string) => readonly string[];
  readonly uuids: (cls: string) => readonly string[];
  /** The record of a VM: clients make others of it. */
  readonly vmRecord: () => Record_;
  readonly tend: () => Promise<void>;
}

export const openXenEstate = async ({ call }: Keeper): Promise<XenEstate> => {
  let refs: Record<string, readonly string[]> = {};
  let uuids: Record<string, readonly string[]> = {};
  let record: Record_ = {};
  let made = 0;
  const read = async (): Promise<Readonly<Record<string, Record_>>> => {
    refs = {};
    uuids = {};
    let vms: Readonly<Record<string, Record_>> = {};
    for (const cls of CLASSES) {
      const all = (await call(`${cls}.get_all_records`)) as Readonly<Record<string, Record_>>;
      refs[cls] = Object.keys(all);
      uuids[cls] = Object.values(all).map((one) => String(one['uuid']));
      if (cls === 'VM') vms = all;
    }
    return vms;
  };
  const tend = async (): Promise<void> => {
    const vms = await read();
    const own = Object.entries(vms).filter(
      ([, vm]) =>
        vm['is_control_domain'] !== true && vm['is_a_snapshot'] !== true && vm['is_default_template'] !== true,
    );
    const template = Object.entries(vms).find(([, vm]) => vm['is_default_template'] === true)?.[0];
    if (template === undefined) throw new Error('there is no template to make VMs of');
    for (const [ref, vm] of own.slice(0, Math.max(0, own.length - VMS_MOST))) {
      // Whatever a mutation made of it: what cannot be removed now goes later.
      if (vm['power_state'] !== 'Halted') await call('VM.hard_shutdown', ref).catch(() => {});
      await call('VM.destroy', ref).catch(() => {});
    }
    for (let missing = VMS_WANTED - own.length; missing > 0; missing--) {
      const vm = String(await call('VM.clone', template, `fuzzed ${++made}`));
      await call('VM.provision', vm);
    }
    const after = await read();
    record = after[own[0]?.[0] ?? ''] ?? Object.values(after)[0] ?? {};
  };
  await tend();
  return { refs: (cls) => refs[cls] ?? [], uuids: (cls) => uuids[cls] ?? [], vmRecord: () => record, tend };
};
