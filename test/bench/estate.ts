/** Any number of domains in the test driver of a private libvirtd, filled over our bare driver, which also is the measure of what a call costs without us. */
import { type Connection, openConnection } from '../../agent/connections/connection.ts';
import type { Outcome } from '../../mappings/generic/faults.ts';
import type { DriverSend } from '../../mappings/generic/platform.ts';
import { driver } from '../../mappings/libvirt/driver.ts';
import { connect, type LibvirtTransport } from '../../mappings/libvirt/transport.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { startLibvirtd } from '../peers/libvirtd.ts';
import { domainName, isRunning, nodeXml } from '../peers/node-xml.ts';

export type BenchEstate = {
  readonly uri: string;
  readonly names: readonly string[];
  readonly uuidOf: (name: string) => string;
  /** As the bare driver left it. */
  readonly isOn: (name: string) => boolean;
  /** One libvirt call by the bare driver. */
  readonly power: (name: string, on: boolean) => Promise<void>;
  /** Resolves at the next lifecycle event of that domain, with the moment it was decoded. */
  readonly nextEvent: (name: string) => Promise<number>;
  /** The calls of a first listing alone, on a connection that is open: seconds. */
  readonly bulkCalls: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

const value = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${outcome.fault.kind}: ${outcome.fault.text}`);
  return outcome.value;
};
const IN_FLIGHT = 4;

export const fillEstate = async (domains: number): Promise<BenchEstate> => {
  const libvirtd = await startLibvirtd();
  const uri = libvirtd.testUri();
  const open = async (): Promise<Connection<LibvirtTransport>> => {
    const target = value(connect(uri));
    return value(await openConnection({ endpoint: target.endpoint, transport: target.open() }));
  };
  const work = await open();
  const watch = await open();
  const { transport } = work;
  const uuids = new Map<string, string>();
  const on = new Set<string>();
  value(
    await transport.call('DOMAIN_DESTROY_FLAGS', {
      dom: value(await transport.call('DOMAIN_LOOKUP_BY_NAME', { name: 'test' })).dom,
      flags: 0,
    }),
  );
  value(
    await transport.call('DOMAIN_UNDEFINE_FLAGS', {
      dom: value(await transport.call('DOMAIN_LOOKUP_BY_NAME', { name: 'test' })).dom,
      flags: 0,
    }),
  );
  const network = value(
    await transport.call('NETWORK_DEFINE_XML_FLAGS', {
      flags: 0,
      xml: "<network><name>storage</name><bridge name='virbr1'/><ip address='10.20.0.1' netmask='255.255.0.0'/></network>",
    }),
  );
  value(await transport.call('NETWORK_CREATE', network));

  const texts: string[] = [];
  for (const piece of nodeXml(domains))
    for (const [text] of piece.matchAll(/<domain [\s\S]*?<\/domain>/g))
      texts.push(text.replace(/<test:runstate>\d<\/test:runstate>\n?/, ''));
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < texts.length) {
      const number = next;
      next += 1;
      const { dom } = value(await transport.call('DOMAIN_DEFINE_XML_FLAGS', { xml: texts[number] ?? '', flags: 0 }));
      uuids.set(dom.name, dom.uuid);
      if (!isRunning(number)) continue;
      on.add(dom.name);
      value(await transport.call('DOMAIN_CREATE_WITH_FLAGS', { dom, flags: 0 }));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));

  const listeners = new Map<string, ((at: number) => void)[]>();
  value(await watch.transport.call('CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', { eventID: 0, dom: null }));
  watch.transport.onEvent((event) => {
    const at = performance.now();
    const dom =
      (event.args as { msg?: { dom?: { name: string } }; dom?: { name: string } }).msg?.dom ??
      (event.args as { dom?: { name: string } }).dom;
    const found = listeners.get(dom?.name ?? '');
    if (found === undefined) return;
    listeners.delete(dom?.name ?? '');
    for (const tell of found) tell(at);
  });
  const domOf = (name: string) => ({ name, uuid: uuids.get(name) ?? '', id: -1 });
  return {
    uri,
    names: Array.from({ length: domains }, (_, number) => domainName(number)),
    uuidOf: (name) => uuids.get(name) ?? '',
    isOn: (name) => on.has(name),
    power: async (name, wanted) => {
      const dom = domOf(name);
      if (wanted) on.add(name);
      else on.delete(name);
      if (wanted) value(await transport.call('DOMAIN_CREATE_WITH_FLAGS', { dom, flags: 0 }));
      else value(await transport.call('DOMAIN_DESTROY_FLAGS', { dom, flags: 0 }));
    },
    nextEvent: (name) => new Promise((resolve) => listeners.set(name, [...(listeners.get(name) ?? []), resolve])),
    bulkCalls: async () => {
      const bare = await open();
      let inFlight = 0;
      const waiting: (() => void)[] = [];
      const send: DriverSend = {
        // As many at once as a listing of ours has under way.
        call: async (procedure, args) => {
          if (inFlight >= LIMITS.listingInFlight) await new Promise<void>((resolve) => waiting.push(resolve));
          inFlight += 1;
          try {
            return (await bare.transport.call(procedure as never, args as never)) as Outcome<Record<string, unknown>>;
          } finally {
            inFlight -= 1;
            waiting.shift()?.();
          }
        },
        gather: () => Promise.reject(new Error('a listing gathers nothing')),
      };
      const begun = performance.now();
      let objects = 0;
      for await (const batch of driver.inventory(send)) objects += batch.length;
      const seconds = (performance.now() - begun) / 1000;
      await bare.close();
      if (objects < domains) throw new Error(`the listing found ${objects} objects`);
      return seconds;
    },
    stop: async () => {
      await work.close();
      await watch.close();
      await libvirtd.stop();
    },
  };
};
