/** A waiting client: a filter on all VMs' names and power states in; what it heard by VM, and the version it has come to, out. */
import { escapeXml, type RawSoap, textIn } from '../peers/raw-soap.ts';

export type Heard = { readonly name: string; readonly power: string };

export type Waiter = {
  /** One WaitForUpdatesEx from where we are; throws with the name of a fault. */
  readonly wait: (seconds: number) => Promise<string>;
  /** Waits until there is nothing left to tell. */
  readonly catchUp: () => Promise<void>;
  readonly version: () => string;
  /** moid to what was last told of it; VMs that left are not in it. */
  readonly vms: ReadonlyMap<string, Heard>;
};

/** The API's own words for a wait that failed: a drill tells them from a broken connection. */
export class WaitFault extends Error {
  override readonly name = 'WaitFault';
  readonly fault: string;
  constructor(fault: string, text: string) {
    super(`the wait ended with ${fault}: ${text.slice(-400)}`);
    this.fault = fault;
  }
}

export const openWaiter = async (soap: RawSoap): Promise<Waiter> => {
  const container = `<container type="Folder">${await soap.manager('rootFolder')}</container><type>VirtualMachine</type><recursive>true</recursive>`;
  const made = await soap.call('CreateContainerView', 'ViewManager', await soap.manager('viewManager'), container);
  const view = textIn(made.text, 'returnval') ?? '';
  const own = await soap.call('CreatePropertyCollector', 'PropertyCollector', await soap.manager('propertyCollector'));
  const collector = textIn(own.text, 'returnval') ?? '';
  const spec = `<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.powerState</pathSet></propSet><objectSet><obj type="ContainerView">${escapeXml(view)}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></spec><partialUpdates>false</partialUpdates>`;
  const filter = await soap.call('CreateFilter', 'PropertyCollector', collector, spec);
  if (filter.fault !== undefined) throw new Error(`no filter: ${filter.text.slice(-600)}`);
  let version = '';
  const vms = new Map<string, Heard>();
  const hear = (text: string): void => {
    for (const [, part = ''] of text.matchAll(/<objectSet>([\s\S]*?)<\/objectSet>/g)) {
      const moid = /<obj type="VirtualMachine">([^<]*)</.exec(part)?.[1] ?? '';
      if (textIn(part, 'kind') === 'leave') vms.delete(moid);
      else {
        const told = (path: string): string | undefined =>
          new RegExp(`<name>${path.replace('.', '\\.')}</name><op>assign</op><val[^>]*>([^<]*)<`).exec(part)?.[1];
        const before = vms.get(moid) ?? { name: '', power: '' };
        vms.set(moid, { name: told('name') ?? before.name, power: told('runtime.powerState') ?? before.power });
      }
    }
  };
  const wait: Waiter['wait'] = async (seconds) => {
    const inner = `<version>${version}</version><options><maxWaitSeconds>${seconds}</maxWaitSeconds></options>`;
    const answer = await soap.call('WaitForUpdatesEx', 'PropertyCollector', collector, inner);
    if (answer.fault !== undefined) throw new WaitFault(answer.fault, answer.text);
    version = textIn(answer.text, 'version') ?? version;
    hear(answer.text);
    return answer.text;
  };
  return {
    wait,
    catchUp: async () => {
      while ((await wait(0)).includes('<version>'));
    },
    version: () => version,
    vms,
  };
};
