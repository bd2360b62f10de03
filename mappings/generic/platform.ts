/** The manifest of a platform folder: all that the two programs know of an API. Every member is pure. */
import type { Call, Reply, Row, Session } from './call.ts';
import type { Command, Verb } from './commands.ts';
import type { Detection } from './detection.ts';
import type { Fault, NativeFault, Outcome } from './faults.ts';
import type { HubId, NativeRef } from './ids.ts';
import type { Job } from './jobs.ts';
import type { DocumentKind, Documents } from './model.ts';
import type { NativeCall, NativeChange, NativeObject, Scan } from './native.ts';
import type { FollowUp, Plan, Probe, ProbeAnswer } from './plan.ts';
import type { EventsView, JobsView, OwnView, RenderedMember, SessionsView, StoreView } from './store-view.ts';
import type { Endpoint, HostTransport, HttpConversation } from './transport.ts';

/** Configuration and identity of one front instance: it serves one host. */
export interface FrontInstance {
  readonly name: string;
  readonly platform: string;
  readonly host: HubId;
  readonly hostName: string;
  /** UUID of this installation's front: stable. */
  readonly uuid: string;
  /** PEM of the certificate that clients see, '' without TLS. */
  readonly certificate: string;
  readonly port: number;
  /** Platform options from the configuration (`loginText`, `personality`), checked by the platform. */
  readonly options: Readonly<Record<string, string>>;
}

// ---- the front: what clients see (agent half) ----

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  readonly secure: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A transfer of bytes the client asks for; resolved by the server to a native stream. */
export interface StreamRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT';
  /** The client wants bytes both ways on this connection: at once after the answer's head, or as WebSocket messages. */
  readonly tunnel?: 'raw' | 'websocket';
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly range?: { readonly start: number; readonly end?: number };
  readonly lengthBytes?: number;
}

/** What a request turned out to be. `token`: the session token that the request itself carries, for APIs that use no cookie. */
export type Decoded =
  | { readonly kind: 'call'; readonly call: Call; readonly token?: string }
  | { readonly kind: 'stream'; readonly stream: StreamRequest; readonly token?: string }
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  | { readonly kind: 'fault'; readonly fault: Fault };

/** What the agent hands a session-route row. Passwords are checked here and never cross the link. */
export interface SessionContext {
  readonly front: FrontInstance;
  readonly nowMs: number;
  readonly session: Session | undefined;
  /** The token of the session the request came with, or that was made by it, for APIs that hand it out in their answer. */
  token(): string | undefined;
  /** false after a bad password; slow-down on repeated ones is the agent's. */
  login(user: string, password: string, locale: string): Promise<Session | undefined>;
  /** A session already logged in by another's one-time ticket, and such tickets. */
  cloneTicket?(): Promise<string>;
  loginByTicket?(ticket: string, locale: string): Promise<Session | undefined>;
  logout(): Promise<void>;
}

export interface Front {
  /** Default port, and whether TLS is the API's norm. */
  readonly port: number;
  readonly tls: boolean;
  /** A session that is not used for so long has ended, as in the API's own server. At most a day. */
  readonly idleMs: number;
  /** Largest request body in bytes. Streams have no such limit. */
  readonly maxBodyBytes: number;
  /** Whether a request is this API's own, by its head alone: what tells APIs apart that share an address and port. */
  claims(request: Pick<HttpRequest, 'method' | 'path' | 'headers'>): boolean;
  /** true: the request is a stream; its body must not be gathered. */
  isStream(method: string, path: string): boolean;
  decode(request: HttpRequest, front: FrontInstance): Decoded;
  /** `token`: as the request carried it, for faults that name it. */
  encode(call: Call, reply: Reply, front: FrontInstance, token?: string): HttpAnswer;
  /** Text before and after a streamed body of this call. The broker writes only what is between. */
  wrap(call: Call): {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly before: string;
    readonly after: string;
  };
  cookieOf(headers: HttpRequest['headers']): string | undefined;
  /** User and password that come with a transfer itself, for clients that log in nowhere else (virsh: screenshots, files). */
  credentialsOf?(headers: HttpRequest['headers']): { readonly user: string; readonly password: string } | undefined;
  /** Absent: clients learn the token from the answer itself. */
  setCookie?(token: string, secure: boolean): string;
  /** At once where nothing has to be waited for. */
  session(call: Call, context: SessionContext): Promise<Reply> | Reply;
  /** The hub object a direct call acts on; undefined: not one of ours. */
  targetOf(call: Call, front: FrontInstance): HubId | undefined;
  /** The value that tells the client of its job; `value` of a Reply. */
  jobValue(job: HubId, front: FrontInstance): unknown;
  streamAnswer(outcome: Outcome<{ status: number; headers: Record<string, string> }>): HttpAnswer;
}

// ---- the broker: services of the API itself (server half) ----

/** What a broker asks of the server while it works; a pure generator yields them and is resumed with the result named. */
export type Effect =
  /** Bring documents to their current version; resumed with undefined. Objects that vanish meanwhile are skipped. */
  /** `ahead`: will be asked for next, and need not be there yet. */
  | { readonly effect: 'render'; readonly ids: readonly HubId[]; readonly ahead?: readonly HubId[] }
  /** Body text, in pieces of any size; resumed when the link has room. */
  | { readonly effect: 'write'; readonly text: string }
  /** Wait for any change of the store or jobs after `since`, or for `untilMs`; resumed with 'changed' | 'timeout' | 'cancelled'. */
  | { readonly effect: 'wait'; readonly since: number; readonly untilMs: number; readonly cancel: string }
  /** Run a command as a job and wait for its end; resumed with the Job. `then` is part of the job. */
  | { readonly effect: 'run'; readonly command: Command; readonly call: Call; readonly then?: FollowUp }
  /** Run a command as a job, do not wait; resumed with the Job. */
  | { readonly effect: 'start'; readonly command: Command; readonly call: Call; readonly then?: FollowUp }
  /** Ask the host something that is no change (statistics, a screenshot's size); resumed with Outcome. */
  | {
      readonly effect: 'ask';
      readonly host: HubId;
      readonly question: string;
      readonly args: Readonly<Record<string, unknown>>;
    }
  /** A job of the front's own that already has an outcome (a search of the datastore); resumed with the Job. */
  | { readonly effect: 'settle'; readonly call: Call; readonly target: HubId; readonly outcome: Outcome };

export type Resume = undefined | 'changed' | 'timeout' | 'cancelled' | Job | Outcome;
export type Brokered<T = Reply> = Generator<Effect, T, Resume>;

export interface BrokerContext {
  readonly front: FrontInstance;
  readonly session: Session;
  now(): number;
  random(bytes: number): Uint8Array;
  readonly store: StoreView;
  readonly jobs: JobsView;
  readonly events: EventsView;
  readonly own: OwnView;
  readonly sessions: SessionsView;
  /** State of this session (filters, views): JSON-safe records by key, kept durably by the server, gone with the session. */
  readonly locals: {
    get(key: string): unknown;
    put(key: string, value: unknown): void;
    delete(key: string): void;
    list(prefix: string): readonly { readonly key: string; readonly value: unknown }[];
  };
  /** Ends waits that named this cancel key. */
  cancel(key: string): void;
  /** The next number of the store's version counter, for what the front keeps itself in `own`; wakes waiters. */
  nextVersion(): number;
}

export interface Broker {
  /** Answers a `broker` row, or a `central` one by yielding `start` or `run`. */
  call(call: Call, context: BrokerContext): Brokered;
  /** A stream request resolved to the host's own stream, or to bytes the server holds itself. */
  stream(request: StreamRequest, context: BrokerContext): Brokered<Outcome<StreamTarget>>;
  /** Ends a job whose command has this outcome; what it resolves with is the job's own. */
  follow?(job: Job, then: FollowUp, outcome: Outcome, context: BrokerContext): Brokered<Outcome>;
  /** The end of a transfer whose target asked to be told of it. */
  transferred?(request: StreamRequest, outcome: Outcome, context: BrokerContext): Brokered<void>;
  /** The server ends and answers nobody any more: writes down what the next one is to know. Others have their turn at each `next`. */
  rest?(context: BrokerContext): Generator<undefined, void>;
}

/** A disk as its volume's file holds it, and as the client speaks of it. */
export interface DiskContent {
  readonly file: 'raw' | 'qcow2';
  readonly client: 'raw' | 'vhd';
  readonly capacityBytes: number;
  /** Nothing was ever written to the volume. */
  readonly isFresh: boolean;
}

export type StreamTarget =
  | {
      readonly kind: 'bytes';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'native';
      readonly direction: 'download' | 'upload';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /**
       * In the hub's words: `volume.download` or `volume.upload` with { volume: its native name, offsetBytes, lengthBytes (-1: to the end) };
       * the host's driver makes its own stream call of it.
       */
      readonly call: NativeCall;
      readonly offsetBytes: number;
      /** -1: to the end. */
      readonly lengthBytes: number;
      /** Objects to re-read after an upload. */
      readonly touches: readonly NativeRef[];
      /** The head of the answer goes out before the body is read, and the answer ends when the upload has: some clients wait for it. */
      readonly answersFirst?: boolean;
      /** A client that closes in the middle of its body has sent all of it: some announce a length that they do not know. */
      readonly cutIsEnd?: boolean;
      /** The volume's file and what the client sends or gets are of different formats: they are translated on the way. */
      readonly content?: DiskContent;
      /** `Broker.transferred` is called at the end. */
      readonly tells?: boolean;
    }
  | {
      readonly kind: 'tunnel';
      /** Of the answer before raw bytes. */
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /** WebSocket subprotocols, the best first: the first that the client offers is agreed on. */
      readonly protocols: readonly string[];
      /** In the hub's words: `console.open` with { vm: its native name }. */
      readonly call: NativeCall;
    };

// ---- the driver: towards hosts (agent half) ----

/** What the agent's connection hands a driver. */
export interface DriverSend {
  /**
   * One native conversation step; rejects only when the connection is lost. Reads go on the events connection, writes on work ones. Calls of
   * a listing are reads that no guest can hold up: many are under way at once, behind other reads.
   */
  call(
    procedure: string,
    args: Readonly<Record<string, unknown>>,
    lane: 'read' | 'work' | 'listing',
  ): Promise<Outcome<Record<string, unknown>>>;
  /** A short download, gathered whole on a connection of its own; more than maxBytes is a `too-many` fault. */
  gather(procedure: string, args: Readonly<Record<string, unknown>>, maxBytes: number): Promise<Outcome<Uint8Array>>;
}

export interface Driver {
  /** Connections: lanes and how many. */
  readonly lanes: { readonly read: number; readonly work: number };
  /** Everything, in batches, from few bulk calls. Register for events first. */
  inventory(send: DriverSend): AsyncIterable<NativeObject[]>;
  /** Objects that a native event makes dirty, with a hint for the event log; [] for events of no interest. */
  dirty(event: {
    procedure: string;
    args: Readonly<Record<string, unknown>>;
  }): readonly { ref: NativeRef; hint?: string }[];
  /** Re-reads exactly these; a ref that is gone comes back as `gone`. */
  read(send: DriverSend, refs: readonly NativeRef[]): Promise<NativeChange[]>;
  /** Slow scan for what has no event (volumes, snapshots): refs that may have changed. */
  rescan(send: DriverSend): Promise<readonly NativeRef[]>;
  /** A direct verb: at most three native calls. Returns refs to re-read. */
  execute(send: DriverSend, verb: Verb, native: string): Promise<Outcome<{ touches: NativeRef[] }>>;
  /** One step of a plan. */
  step(send: DriverSend, call: NativeCall): Promise<Outcome<Record<string, unknown>>>;
  probe(send: DriverSend, probe: Probe): Promise<Outcome<ProbeAnswer>>;
  /**
   * `volume.download`, `volume.upload` or `console.open` in the host's own words. What is a socket on the host and no stream of its API is
   * `host.socket` with { address, port } as the host listens there ('' or a wildcard: everywhere), or { path } of a local one.
   */
  stream(send: DriverSend, call: NativeCall): Promise<Outcome<NativeCall>>;
  /** Questions that change nothing: `stats`, `screenshot`. */
  ask(send: DriverSend, question: string, args: Readonly<Record<string, unknown>>): Promise<Outcome>;
  readonly questions: readonly string[];
}

// ---- the server half towards hosts ----

export interface HostSide {
  /** Streaming scan of a native object: name, relations, sub-objects. */
  scan(object: NativeObject): Scan;
  /** Input text of the to-generic sheet: native parts with units, ordinals, dates and enumerations written in. */
  toGenericInput(object: NativeObject): string;
  /** The change document for the from-generic sheet. Absent before: create. */
  fromGenericInput(change: {
    kind: DocumentKind;
    native?: NativeObject;
    before?: Documents[DocumentKind];
    after: Documents[DocumentKind];
  }): string;
  /** A central command to a plan. Asynchronous only because the sheet engine that it is handed is. */
  plan(command: Command, context: PlanContext): Promise<Outcome<Plan>>;
}

export interface PlanContext {
  readonly job: HubId;
  readonly store: StoreView;
  native(id: HubId): NativeObject | undefined;
  /** The from-generic sheet of that kind applied (rendering is brought up first by the server). */
  fromGeneric(change: {
    kind: DocumentKind;
    native?: NativeObject;
    before?: Documents[DocumentKind];
    after: Documents[DocumentKind];
  }): Promise<string>;
}

/** Sheets of a platform, as files beside the manifest: `to-generic/vm.xsl`. */
export interface Sheets {
  readonly toGeneric: Partial<Record<DocumentKind, URL>>;
  readonly fromGeneric: Partial<Record<DocumentKind, URL>>;
  /** Of an API that is a front's and a host's: the sheets of changes to the host, `to-host/vm.xsl`. Absent: `fromGeneric` has them; empty: a change is calls. */
  readonly toHost?: Partial<Record<DocumentKind, URL>>;
}

/** How a front's from-generic sheets are fed and their output is split. */
export interface RenderSide {
  /** Input text of the from-generic sheet: the generic document with joins, ids, units, device keys, dates, enumerations written in. */
  input(kind: DocumentKind, document: Documents[DocumentKind], joins: Joins, front: FrontInstance): string;
  /** Kinds whose change dirties documents of `kind` (joins). */
  readonly joins: Partial<Record<DocumentKind, readonly DocumentKind[]>>;
  /** Splits the sheet's output into members and indexes their paths. */
  split(output: string): readonly { type: string; id: string; text: string }[];
  index(type: string, text: string): { paths: string[]; spans: number[]; types: string[] };
}

/** What clients of an API write for an object, and back. */
export interface ClientNames {
  /** Of a rendered member, the most usual first. */
  of(member: Pick<RenderedMember, 'type' | 'id' | 'text'>): readonly { readonly what: string; readonly text: string }[];
  /** The object of a text that a client wrote, or UUIDs that its host may have given it; undefined: it names nothing of this front. */
  find(
    text: string,
    front: FrontInstance,
  ):
    | { readonly id: HubId; readonly uuids?: undefined }
    | { readonly id?: undefined; readonly uuids: readonly string[] }
    | undefined;
}

/** Facts of other objects a document needs (declared in `RenderSide.joins`). */
export interface Joins {
  readonly id: HubId;
  readonly host: HubId;
  /** The host does not answer: the document tells what was last seen. */
  readonly hostAway?: boolean;
  readonly storages: readonly { id: HubId; name: string; path: string }[];
  readonly networks: readonly { id: HubId; name: string; native: string }[];
  /** Volumes this object uses, by path. */
  readonly volumes: readonly {
    id: HubId;
    path: string;
    name: string;
    storage: HubId;
    capacityBytes: number;
    allocationBytes: number;
    format: string;
  }[];
  owned(kind: 'disk' | 'nic' | 'snapshot', match: string): HubId | undefined;
}

export interface Platform {
  readonly name: string;
  /** For people: 'VMware vSphere API'. */
  readonly title: string;
  readonly commands: readonly Row[];
  readonly sheets: Sheets;
  readonly front?: Front;
  readonly broker?: Broker;
  readonly render?: RenderSide;
  readonly clientNames?: ClientNames;
  /** URI schemes it drives: `qemu`, `test`. */
  readonly schemes?: readonly string[];
  readonly driver?: Driver;
  readonly host?: HostSide;
  /** Opens a conversation on a byte stream: sans-io. The agent owns the socket. */
  readonly connect?: (uri: string) => Outcome<{ endpoint: Endpoint; open(): HostTransport }>;
  /** The same for hosts that are spoken to over HTTP: the agent makes the requests. */
  readonly converse?: (uri: string) => Outcome<{ endpoint: Endpoint; open(): HttpConversation }>;
  readonly detection?: Detection;
}

export type * from './detection.ts';
export type * from './transport.ts';
export type { NativeFault };
