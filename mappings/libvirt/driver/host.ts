/** The host itself and its networks as native objects. */
import type { NativeObject } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { Net } from '../types.ts';
import { ask, askFound, askList, askOr, inParallel } from './conversation.ts';

const UUID = /<uuid>([0-9a-fA-F-]{36})<\/uuid>/;
const NO_UUID = '00000000-0000-0000-0000-000000000000';

const interfacesText = async (send: DriverSend): Promise<string | undefined> => {
  const { ifaces } = await askOr(send, 'CONNECT_LIST_ALL_INTERFACES', { need_results: 1, flags: 0 }, { ifaces: [] });
  const texts = await inParallel(ifaces, 4, (iface) =>
    askOr(send, 'INTERFACE_GET_XML_DESC', { iface, flags: 0 }, undefined),
  );
  const found = texts.filter((text) => text !== undefined).map(({ xml }) => xml);
  return found.length > 0 ? `<nics>${found.join('')}</nics>` : undefined;
};

export const readHost = async (send: DriverSend): Promise<NativeObject> => {
  const [capabilities, info, hostname, type, version, libVersion, maxCpus, nics] = await Promise.all([
    ask(send, 'CONNECT_GET_CAPABILITIES', {}),
    ask(send, 'NODE_GET_INFO', {}),
    askOr(send, 'CONNECT_GET_HOSTNAME', {}, { hostname: 'localhost' }),
    askOr(send, 'CONNECT_GET_TYPE', {}, { type: '' }),
    askOr(send, 'CONNECT_GET_VERSION', {}, { hv_ver: 0n }),
    askOr(send, 'CONNECT_GET_LIB_VERSION', {}, { lib_ver: 0n }),
    askOr(send, 'CONNECT_GET_MAX_VCPUS', { type: null }, { max_vcpus: 0 }),
    interfacesText(send),
  ]);
  if (!capabilities.ok) throw new Error(`the host does not tell its capabilities: ${capabilities.fault.text}`);
  if (!info.ok) throw new Error(`the host does not tell its size: ${info.fault.text}`);
  const { model, memory, cpus, mhz, nodes, sockets, cores, threads } = info.value;
  const text = capabilities.value.capabilities;
  return {
    kind: 'host',
    native: UUID.exec(text)?.[1] ?? NO_UUID,
    parts: { capabilities: text, ...(nics ? { nics } : {}) },
    facts: {
      hostname: hostname.hostname,
      model,
      memoryKiB: String(memory),
      cpus,
      mhz,
      nodes,
      sockets,
      cores,
      threads,
      type: type.type,
      version: String(version.hv_ver),
      libVersion: String(libVersion.lib_ver),
      maxCpus: maxCpus.max_vcpus,
      connected: true,
    },
  };
};

export const listNetworks = async (send: DriverSend): Promise<readonly Net[]> =>
  (await askList(send, 'CONNECT_LIST_ALL_NETWORKS', { need_results: 1, flags: 0 }))?.nets ?? [];

/** One network; undefined when it is gone. Drivers differ: QEMU's finds a network by UUID, the test driver of libvirt 9.0 by name. */
export const readNetwork = async (send: DriverSend, uuid: string): Promise<NativeObject | undefined> => {
  const found = await askFound(send, 'NETWORK_LOOKUP_BY_UUID', { uuid });
  if (!found) return undefined;
  const { net } = found;
  const [text, active, autostart] = await Promise.all([
    askFound(send, 'NETWORK_GET_XML_DESC', { net, flags: 0 }),
    askOr(send, 'NETWORK_IS_ACTIVE', { net }, { active: 0 }),
    askOr(send, 'NETWORK_GET_AUTOSTART', { net }, { autostart: 0 }),
  ]);
  return (
    text && {
      kind: 'network',
      native: uuid,
      parts: { network: text.xml },
      facts: { active: active.active === 1, autostart: autostart.autostart === 1 },
    }
  );
};
