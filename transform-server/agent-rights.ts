/** What one agent may say where its certificate names it: the server's functions in, the same for its own hosts, fronts and sessions alone out. */
import type { HubId } from '../mappings/generic/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { AgentHello, ServerApi } from '../runtime/protocol.ts';
import type { Ids } from './ids/ids.ts';
import { createJobBlocks, type JobBlocks } from './job-blocks.ts';
import type { Own } from './own/own.ts';
import type { Sessions } from './sessions/sessions.ts';
import type { Hosts } from './sync/hosts.ts';

const OWNERS = 'host-agents';
/** Of one agent, ever. */
const MOST_HOSTS = 10_000;

export interface AgentRights {
  /** Throws when a host or front in the greeting is another agent's. `certified` is the name in the agent's certificate. */
  admit(hello: AgentHello, certified: string | undefined): void;
  /** The functions for an agent that is known by its certificate. */
  narrow(api: ServerApi, certified: string): ServerApi;
}

export interface RightsOptions {
  readonly hosts: Pick<Hosts, 'get' | 'front'>;
  readonly own: Pick<Own, 'get' | 'put' | 'list'>;
  readonly ids: Pick<Ids, 'mint' | 'resolve'>;
  readonly sessions: Pick<Sessions, 'get'>;
  /** By host name: the agent that alone may hold it. Of others, whoever held it first by a certificate. */
  readonly assigned: Readonly<Record<string, string>>;
  /** false: agents have their numbers for jobs from elsewhere, and those of one host cannot be another agent's. */
  readonly givesJobIds?: boolean;
  readonly log: Log;
}

export const createAgentRights = (options: RightsOptions): AgentRights => {
  const { hosts, own, ids, sessions, assigned, givesJobIds = true, log } = options;
  const jobBlocks: JobBlocks = givesJobIds ? createJobBlocks(own) : { given: () => {}, has: () => true };
  const ownerOf = (host: HubId): string | undefined => {
    const owner = own.get(OWNERS, host);
    return typeof owner === 'string' ? owner : undefined;
  };
  let isAssigned = false;
  /** With the first greeting: before it there may be no numbers for ids. */
  const assign = (): void => {
    if (isAssigned) return;
    isAssigned = true;
    for (const [name, agent] of Object.entries(assigned)) {
      const id = ids.mint(undefined, 'host', name);
      if (ownerOf(id) !== agent) own.put(OWNERS, id, agent);
    }
  };

  const admit: AgentRights['admit'] = (hello, certified) => {
    assign();
    if (certified !== undefined && hello.agent !== certified)
      throw new Error(`the certificate is of agent ${certified}, which cannot speak as ${hello.agent}`);
    const known = (name: string): string | undefined => {
      const id = ids.resolve(undefined, 'host', name);
      return id === undefined ? undefined : ownerOf(id);
    };
    for (const { name } of hello.hosts) {
      const owner = known(name);
      if (owner !== undefined && owner !== hello.agent)
        throw new Error(
          `host ${name} belongs to agent ${owner}, not to ${hello.agent}; link.hosts of the server says whose it is`,
        );
    }
    for (const { name } of hello.fronts) {
      const front = hosts.front(name)?.instance;
      const owner = front === undefined ? undefined : ownerOf(front.host);
      if (owner !== undefined && owner !== hello.agent)
        throw new Error(`front ${name} belongs to agent ${owner}, not to ${hello.agent}; give it another name`);
    }
    if (certified === undefined) return;
    const claimed = hello.hosts.filter(({ name }) => known(name) === undefined);
    if (claimed.length === 0) return;
    const owned = own.list(OWNERS, '').filter(({ value }) => value === certified).length;
    if (owned + claimed.length > MOST_HOSTS) throw new Error(`agent ${certified} has had ${owned} hosts: no more`);
    for (const { name } of claimed) own.put(OWNERS, ids.mint(undefined, 'host', name), certified);
  };

  const narrow: AgentRights['narrow'] = (api, agent) => {
    const running = new Set<string>();
    const host = (id: HubId): void => {
      if (ownerOf(id) !== agent) throw new Error(`host ${id} is not of agent ${agent}`);
    };
    const isOwnFront = (name: string): boolean => {
      const known = hosts.front(name);
      return known !== undefined && ownerOf(known.instance.host) === agent;
    };
    const front = (name: string): void => {
      if (!isOwnFront(name)) throw new Error(`front ${name} is not of agent ${agent}`);
    };
    const isOwnSession = (id: string): boolean => {
      const session = sessions.get(id);
      return session !== undefined && isOwnFront(session.front);
    };
    return {
      ...api,
      hello: async (hello) => {
        const answer = await api.hello(hello);
        jobBlocks.given(agent, answer.jobIds);
        return answer;
      },
      jobIds: async () => {
        const block = await api.jobIds();
        jobBlocks.given(agent, block);
        return block;
      },
      login: async (login) => {
        front(login.front);
        return api.login(login);
      },
      loginFailed: async (failed) => {
        front(failed.front);
        return api.loginFailed(failed);
      },
      session: async (id) => (isOwnSession(id) ? api.session(id) : undefined),
      logout: async (id) => {
        if (isOwnSession(id)) await api.logout(id);
      },
      touch: async (touched) =>
        api.touch(Object.fromEntries(Object.entries(touched).filter(([id]) => isOwnSession(id)))),
      call: async (exchange) => {
        front(exchange.front);
        running.add(exchange.exchange);
        try {
          return await api.call(exchange);
        } finally {
          running.delete(exchange.exchange);
        }
      },
      hangUp: async (exchange) => {
        if (running.has(exchange)) await api.hangUp(exchange);
      },
      stream: async (exchange) => {
        front(exchange.front);
        return api.stream(exchange);
      },
      transferred: async (exchange, outcome) => {
        front(exchange.front);
        return api.transferred(exchange, outcome);
      },
      list: async (id, epoch, batch, complete) => {
        host(id);
        return api.list(id, epoch, batch, complete);
      },
      changes: async (id, epoch, changes) => {
        host(id);
        return api.changes(id, epoch, changes);
      },
      hostState: async (id, epoch, state) => {
        host(id);
        return api.hostState(id, epoch, state);
      },
      outbox: async (name, entries) => {
        if (name !== agent) throw new Error(`the outbox of ${name} is not of agent ${agent}`);
        const foreign = entries.filter((entry) => ownerOf(entry.host) !== agent || !jobBlocks.has(agent, entry.job));
        if (foreign.length === 0) return api.outbox(name, entries);
        // Told as taken: they must not stand in the way of the rest for ever.
        log.error(
          {},
          `link: ${foreign.length} entries in the outbox of agent ${agent} are of hosts or job numbers that are not its own`,
        );
        const rest = entries.filter((entry) => !foreign.includes(entry));
        const last = entries.at(-1)?.seq ?? 0;
        if (rest.length === 0) return { through: last };
        const { through } = await api.outbox(name, rest);
        return { through: through === rest.at(-1)?.seq ? last : through };
      },
      lease: async (id, vm) => {
        host(id);
        return api.lease(id, vm);
      },
    };
  };
  return { admit, narrow };
};
