/** A host in; clients of two vendors that wait for its changes all the time, and how their waits ended, out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { rawSoap } from '../peers/raw-soap.ts';
import { rawXenApi } from '../peers/raw-xenapi.ts';
import type { DrillHost, Estate } from './estate.ts';

export type Watch = {
  /** Waits that ended with an answer. */
  readonly answered: () => number;
  /** How waits ended otherwise: a fault's name or a broken connection, and how often. */
  readonly faults: ReadonlyMap<string, number>;
  /** What was told last of each machine's description. */
  readonly texts: ReadonlyMap<string, string>;
  readonly stop: () => Promise<void>;
};

/** Node's words for a connection that ended before its answer. */
export const BROKE = /socket hang up|ECONN\w+/;
const WAIT_S = 20;
const PAUSE_MS = 250;

/** XenAPI's word for a token that leads nowhere any more: clients begin anew. */
export const EVENTS_LOST = 'EVENTS_LOST';

type Asked = { readonly ask: () => Promise<void>; readonly begin: () => void; readonly close: () => void };

const watchBy = (texts: ReadonlyMap<string, string>, { ask, begin, close }: Asked): Watch => {
  const faults = new Map<string, number>();
  let answered = 0;
  let going = true;
  const loop = (async () => {
    while (going) {
      try {
        await ask();
        answered += 1;
      } catch (error) {
        // Its connection was ended because it is not wanted any more.
        if (!going) return;
        const says = error instanceof Error ? error.message : String(error);
        const word = BROKE.exec(says)?.[0] ?? says;
        faults.set(word, (faults.get(word) ?? 0) + 1);
        if (word === EVENTS_LOST) begin();
        await sleep(PAUSE_MS);
      }
    }
  })();
  return {
    answered: () => answered,
    faults,
    texts,
    stop: async () => {
      going = false;
      close();
      await loop;
    },
  };
};

const KIND = 'VirtualMachine';
/** WaitForUpdatesEx on every machine's annotation, from the version it has come to. */
const watchVim25 = async (estate: Estate, host: DrillHost): Promise<Watch> => {
  const soap = rawSoap(estate.front(host, 'vim25'));
  await soap.logIn();
  const names = new Map<string, string>();
  for (const machine of host.machines) names.set(await soap.vm(machine), machine);
  const objects = [...names.keys()].map((moid) => `<objectSet><obj type="${KIND}">${moid}</obj></objectSet>`).join('');
  const made = await soap.filter(
    `<propSet><type>${KIND}</type><pathSet>config.annotation</pathSet></propSet>${objects}`,
  );
  if (made.fault !== undefined) throw new Error(`no filter: ${made.text.slice(-400)}`);
  const texts = new Map<string, string>();
  let version = '';
  const ask = async (): Promise<void> => {
    const { fault, text } = await soap.waitForUpdates(version, WAIT_S);
    if (fault !== undefined) throw new Error(fault);
    version = /<version>([^<]*)</.exec(text)?.[1] ?? version;
    for (const [, part = ''] of text.matchAll(/<objectSet>([\s\S]*?)<\/objectSet>/g)) {
      const name = names.get(/<obj type="VirtualMachine">([^<]*)</.exec(part)?.[1] ?? '');
      const told = /<name>config\.annotation<\/name><op>assign<\/op><val[^>]*>([^<]*)</.exec(part)?.[1];
      if (name !== undefined && told !== undefined) texts.set(name, told);
    }
  };
  await ask();
  return watchBy(texts, { ask, begin: () => {}, close: soap.close });
};

/** event.from of the class VM, from the token it has come to. */
const watchXenApi = async (estate: Estate, host: DrillHost): Promise<Watch> => {
  const xen = rawXenApi(estate.front(host, 'xenapi'));
  await xen.logIn();
  const texts = new Map<string, string>();
  let token = '';
  const ask = async (): Promise<void> => {
    const answer = (await xen.call('event.from', ['vm'], token, WAIT_S).catch((error: unknown) => {
      // Code and parameters: the code alone tells them apart.
      throw new Error(/event\.from: (\w+(?: \d+)?)/.exec(String(error))?.[1] ?? String(error));
    })) as {
      readonly token: string;
      readonly events: readonly {
        readonly snapshot?: { readonly name_label: string; readonly name_description: string };
      }[];
    };
    token = answer.token;
    for (const { snapshot } of answer.events)
      if (snapshot && host.machines.includes(snapshot.name_label))
        texts.set(snapshot.name_label, snapshot.name_description);
  };
  await ask();
  const begin = (): void => {
    token = '';
  };
  return watchBy(texts, { ask, begin, close: xen.close });
};

export const startWatches = async (
  estate: Estate,
  hosts: readonly DrillHost[],
): Promise<ReadonlyMap<DrillHost, readonly Watch[]>> => {
  const watches = new Map<DrillHost, readonly Watch[]>();
  for (const host of hosts) watches.set(host, [await watchVim25(estate, host), await watchXenApi(estate, host)]);
  return watches;
};
