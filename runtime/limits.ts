/** Every bound of the two programs in one place: bytes, counts and milliseconds. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const LIMITS = {
  /** One message of the link. A batch of native documents is far below. */
  linkMessageBytes: 64 * MIB,
  /** Bytes waiting to be sent on the link: above the mark senders wait, above the limit the link is broken off. */
  linkHighWaterBytes: 4 * MIB,
  linkQueueBytes: 256 * MIB,
  /** Limit of every link call but those that wait for clients, hosts or changes. */
  linkCallMs: 30 * SECOND,
  linkReconnectFirstMs: 50,
  linkReconnectMostMs: 5 * SECOND,
  /** A link that lived so long was a good one: after it the next is tried at once. */
  linkSteadyMs: SECOND,
  /** Of connections from a network: until TLS and the first request are done, and how many at once. */
  linkHandshakeMs: 10 * SECOND,
  linkConnections: 4096,
  /** A refused or revoked peer has this long to read why. */
  linkFarewellMs: SECOND,
  linkCertificateBytes: 256 * KIB,
  linkRevokedBytes: 4 * MIB,
  /** How often the list of revoked certificates is looked at, beside every connection. */
  linkRevokedMs: SECOND,
  /** A certificate of the link that ends sooner is told in the log. */
  linkRenewDays: 30,
  /** Calls of one agent under way at once: others find room beside them. */
  linkCallsAtOnce: 12_288,
  /** Calls of one link that may fail; then the link ends, and its agent comes again. */
  linkFailures: 100,
  /** An agent that said what no agent says comes back after this. */
  linkBarredMs: 10 * SECOND,
  /** A server that takes another's place: how long calls wait for it, how long the old one finishes and speaks to an agent. */
  handOverMs: 2 * MINUTE,
  handOverDrainMs: 5 * SECOND,
  handOverToldMs: 2 * SECOND,
  /** An agent whose place is taken ends connections that are still waiting after this. */
  drainMs: 10 * MINUTE,
  /** Its idle connections end after this: a client may be about to use one. */
  drainIdleMs: 10 * SECOND,
  linkPingMs: 5 * SECOND,
  /** Silence after which the other program counts as away. */
  linkSilenceMs: 15 * SECOND,

  /** Of the admin endpoint: bodies, and per address and minute requests. */
  adminBodyBytes: MIB,
  adminRequestsPerMinute: 1200,
  adminConnections: 256,
  adminWatchers: 100,

  httpHeaderBytes: 32 * KIB,
  httpHeadersMs: 20 * SECOND,
  httpRequestMs: 2 * MINUTE,
  httpKeepAliveMs: 5 * MINUTE,
  httpConnections: 8192,
  httpFields: 128,
  /** Bytes of further requests, or of a body that nobody reads yet, that one connection may leave here. */
  httpAheadBytes: 64 * KIB,
  /** How long an ended connection still swallows what its client sends, so that the last answer is read. */
  httpLingerMs: 3 * SECOND,
  httpTickMs: SECOND,
  /** Requests that a client repeats are decoded once, up to this size. */
  repeatedBodyBytes: KIB,
  /** Exchanges of one front under way at once; more get the busy fault. Waiting clients count. */
  exchangesInFlight: 16_384,
  /** Body text that waits for one slow client before the sender is held. */
  clientHighWaterBytes: MIB,
  /** One WebSocket message of a client in a tunnel. */
  tunnelMessageBytes: MIB,
  /** Refused and half-read bodies are swallowed up to here so that the client can read the answer; then the socket is closed. */
  drainBodyBytes: 8 * MIB,

  /** How often the certificate files of fronts are looked at. */
  certificateLookMs: 10 * SECOND,
  /** A client that says nothing for so long waits for the server to speak, and so is for no front. */
  gateSilenceMs: 5 * SECOND,
  /** Connections that pass through untouched: how many at once, and without a byte for how long. */
  passages: 4096,
  passageIdleMs: 2 * 60 * MINUTE,

  /** Statistics of the past; when there is no more room they reach back less far. */
  historyBytes: 64 * MIB,

  sessionIdleMs: 30 * MINUTE,
  sessionTouchMs: 5 * SECOND,
  sessionsLeased: 50_000,
  /** Asked for again at once when a link comes up. */
  sessionsRenewed: 1000,
  cloneTicketMs: 2 * MINUTE,
  cloneTickets: 1000,
  /** Bad logins of one user and address that are free, then each doubles the wait. */
  loginFreeFailures: 3,
  loginFirstWaitMs: 250,
  loginMostWaitMs: 8 * SECOND,
  loginForgetMs: 10 * MINUTE,
  loginKeys: 10_000,
  loginsQueued: 16,
  passwordBytes: 1024,
  userNameBytes: 256,
  accounts: 10_000,

  vmLeases: 200_000,
  /** Leases granted with one message of the link. */
  leaseBatch: 500,
  writeQueueWaitMs: 10 * SECOND,
  writeQueueWaiters: 64,
  outboxEntries: 50_000,
  outboxBytes: 256 * MIB,
  outboxBatch: 256,
  outboxFsyncMs: 20,
  outboxRetryMs: SECOND,
  jobIdsLow: 512,

  /** Calls under way on one connection to a host: a daemon may read no sixth while five run, and then hears no sign of life either. */
  laneInFlight: 4,
  /** Calls of a listing end at once: the host finds the next ones in its socket while the answers are taken in here. */
  listingInFlight: 32,
  laneQueue: 10_000,
  hostConnectMs: 20 * SECOND,
  hostReconnectFirstMs: 200,
  hostReconnectMostMs: 10 * SECOND,
  /** After a refused log-in: hosts lock accounts out. */
  hostLoginRetryFirstMs: 5 * SECOND,
  hostLoginRetryMostMs: 5 * MINUTE,
  /** Hosts over HTTP: one answer, one request, sockets of calls and of transfers, silence inside a transfer, log-out. */
  hostAnswerBytes: 64 * MIB,
  hostCallMs: 2 * MINUTE,
  hostHttpConnections: 8,
  hostHttpStreams: 64,
  hostStreamIdleMs: 2 * MINUTE,
  hostLeaveMs: 2 * SECOND,
  /** Of a relayed connection: the body of a request that is looked into, and requests without their answers. */
  passBodyBytes: 16 * KIB,
  passWaiting: 256,
  hostRescanMs: MINUTE,
  hostTickMs: SECOND,
  dirtyRefs: 100_000,
  dirtyBatch: 256,
  hintsPerObject: 8,
  listInFlight: 2,
  readAfterWriteMs: 5 * SECOND,
  stepsRemembered: 20_000,

  /** Where many servers share their state: how long a greeting waits for the cell of one host while others are there, and for the first of all. */
  cellPartialMs: 3 * SECOND,
  cellGreetMs: 20 * SECOND,
  /** How soon a cell that could not be had is asked for again. */
  cellRetryFirstMs: 250,
  cellRetryMostMs: 2 * SECOND,
  /** Cells that come back together are one reason to greet again. */
  cellGatherMs: SECOND,
  /** How often a cell at another server is asked for by the one that has its agent. */
  cellDrawMs: 10 * SECOND,
  /** A server whose shared store has been away for so long sends its agents to look for another. */
  storeAwayMs: 30 * SECOND,
  /** A cell without an agent is given up after this; how often that is looked at. */
  cellIdleMs: 10 * MINUTE,
  cellSweepMs: MINUTE,
  /** Exchanges of one agent of which it is remembered to which cell they went. */
  cellExchanges: 20_000,

  /** The exchange log: how many exchanges the newest are, hops of one, and bytes of one hop, of a body in it and of all, as they are kept. */
  exchangesKept: 10_000,
  exchangeHops: 200,
  exchangeHopBytes: 16 * KIB,
  exchangeBodyBytes: 4 * KIB,
  exchangeLogBytes: 64 * MIB,
  /**
   * Exchanges that an agent tells in full: so many at once, and so many a second for as long as clients press (each costs as much as
   * another request). Commands are all told. Of the others there is a line: the server's of what it was asked, the agent's of what it
   * answered by itself or passed on, as many a second.
   */
  hopsBurst: 100,
  hopsPerSecond: 10,
  linesPerSecond: 250,
  hopsQueued: 2000,
  hopsTickMs: 100,
  countsTickMs: SECOND,
  /** Combinations of front, method, route and outcome that are counted apart. */
  tallyCells: 20_000,

  /** Traces: how often they are looked for and sent, how long an exchange must have been quiet, spans of one request and that wait for one. */
  traceTickMs: SECOND,
  traceQuietMs: 2 * SECOND,
  traceSendMs: 10 * SECOND,
  traceBatch: 500,
  traceSpansQueued: 20_000,
  /** Exchanges of which it is remembered what was sent. */
  tracesRemembered: 10_000,

  /** A server's right to a cell of shared state, counted by its own clock and by those who want the cell; how often it is renewed. */
  redisLeaseMs: 10 * SECOND,
  redisRenewMs: 2500,
  /** One answer of Redis, its connection, and how soon one that failed is tried again. */
  redisCommandMs: 2 * SECOND,
  redisConnectMs: 5 * SECOND,
  redisRetryMs: 200,
  /** How long a flush waits for a Redis that is away. */
  redisFlushMs: 10 * SECOND,
  /** A cell's log that is longer, and longer than its last snapshot, is replaced by a snapshot. */
  redisLogEntries: 10_000,
  redisLogBytes: 4 * MIB,
  /** Entries of a log that are read at once, and bytes of a snapshot that are sent or read at once; how long a half-sent one lies about. */
  redisLogPage: 100,
  redisPieceBytes: MIB,
  redisStagedMs: 10 * MINUTE,
  /** Blocks of numbers and writers of a cell that are remembered. */
  redisBlocks: 1000,
  redisWriters: 1000,
  /** Numbers left out when another Redis answers than last time: what the old one gave last may not have reached it. */
  redisNumberGap: 100_000,
  /** How often a server looks whether another one took a sheet. */
  sharedSheetsMs: 2 * SECOND,

  configBytes: MIB,
  /** One text of a line of the log, such as the message of an error. */
  logTextCharacters: 8 * KIB,
  /** Lines of the log that are kept for a support bundle. */
  logTailLines: 2000,
  /** One file of a state directory beside the database; the largest is a full outbox. */
  backupFileBytes: 512 * MIB,
  secretFileBytes: 16 * KIB,
} as const;
