/** A simulated XenServer host without a port: calls as the dispatcher takes them, refusals as [code, ...parameters]. */
import { ApiError } from '../../fixtures/xenapi-host/api-error.ts';
import { dispatch } from '../../fixtures/xenapi-host/dispatch.ts';
import { makeEstate } from '../../fixtures/xenapi-host/estate.ts';
import { type Behaviour, Simulation } from '../../fixtures/xenapi-host/simulation.ts';
import { decodeValue, encodeValue } from '../../mappings/wire/jsonrpc.ts';
import { Encoded, struct, type WireValue } from '../../mappings/wire/rpc-value.ts';

export interface Rig {
  readonly sim: Simulation;
  /** The result as a client decodes it: integers are bigints. A refusal is thrown as an ApiError. */
  readonly call: (method: string, ...params: readonly WireValue[]) => Promise<WireValue>;
  /** undefined where it was not refused. */
  readonly refusal: (method: string, ...params: readonly WireValue[]) => Promise<readonly string[] | undefined>;
  readonly named: (owner: string, name: string) => Promise<string>;
  /** References in a field. */
  readonly refs: (owner: string, ref: string, field: string) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

const plain = (value: WireValue): WireValue => {
  const read = decodeValue(value instanceof Encoded ? value.text : encodeValue(value), {
    maxBytes: 1e8,
    maxValues: 1e7,
  });
  if (!read.ok) throw new Error(read.fault.text);
  return read.value;
};

export const openRig = async (behaviour: Partial<Behaviour> = {}, vms = 2): Promise<Rig> => {
  const sim = new Simulation({
    user: 'root',
    password: 'pw',
    loginDelayMs: 1,
    operationMs: 1,
    busyMs: 0,
    ...behaviour,
  });
  makeEstate(sim, { vms });
  const session = await sim.sessions.login('root', 'pw', '');
  const call = async (method: string, ...params: readonly WireValue[]): Promise<WireValue> =>
    plain(await dispatch(sim, method, [session, ...params], 'json'));
  return {
    sim,
    call,
    refusal: async (method, ...params) => {
      try {
        await call(method, ...params);
        return undefined;
      } catch (thrown) {
        if (thrown instanceof ApiError) return [thrown.code, ...thrown.params];
        throw thrown;
      }
    },
    named: async (owner, name) => {
      const [ref] = (await call(`${owner}.get_by_name_label`, name)) as string[];
      if (ref === undefined) throw new Error(`no ${owner} ${name}`);
      return ref;
    },
    refs: async (owner, ref, field) => (await call(`${owner}.get_${field}`, ref)) as string[],
    close: () => sim.close(),
  };
};

/** The record of a drive for VBD.create. */
export const drive = (vm: string, vdi: string, more: Readonly<Record<string, WireValue>> = {}): WireValue =>
  struct({
    ...{ VM: vm, VDI: vdi, userdevice: 'autodetect', bootable: false, mode: 'RW', type: 'Disk', empty: false },
    ...{ other_config: new Map(), qos_algorithm_type: '', qos_algorithm_params: new Map(), unpluggable: true },
    ...more,
  });

export const disk = (sr: string, size: bigint, more: Readonly<Record<string, WireValue>> = {}): WireValue =>
  struct({
    ...{ SR: sr, virtual_size: size, name_label: 'made', name_description: '', type: 'user' },
    ...{ sharable: false, read_only: false, other_config: new Map(), ...more },
  });
