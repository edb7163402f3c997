/**
 * The only composition root: real ports and parts make a production peer, simulated ones a peer of the lab;
 * nothing else differs. Everything starts in the order in which it depends on the other, and stops in
 * reverse.
 */
import { EntrySync, IntentWriter } from "../crdt/index.ts";
import type { DriverFacts, Host, LedgerEvent, Links, NodeFacts, NodeId } from "../federation/index.ts";
import { invariant, PeerError } from "../federation/index.ts";
import { Agent } from "./agent/agent.ts";
import { nodeFacts } from "./agent/registration.ts";
import { Adjustments } from "./authority/adjustments.ts";
import { Admission } from "./authority/admission.ts";
import { Authority } from "./authority/authority.ts";
import { Collector } from "./authority/collector.ts";
import { IntentArrival } from "./authority/intent-arrival.ts";
import { type IntentReader, intentReader } from "./authority/intents.ts";
import { LeaseGrants } from "./authority/lease-grants.ts";
import { Planner } from "./authority/planning/planner.ts";
import { Submissions } from "./authority/submission.ts";
import { Turns } from "./authority/turns.ts";
import { Calls } from "./calls/calls.ts";
import type { PeerConfig } from "./config.ts";
import { markFounded } from "./data/founding.ts";
import { type Identity, openIdentity } from "./data/identity.ts";
import type { Parts } from "./parts.ts";
import { Heartbeats } from "./region/heartbeats.ts";
import { Joining } from "./region/joining.ts";
import { type Duty, Leadership } from "./region/leadership.ts";
import { NodeWatch } from "./region/node-watch.ts";
import { Registration } from "./region/registration.ts";
import { VoterDuty } from "./region/voter-duty.ts";
import { LocalPeerService } from "./service/local-service.ts";
import type { PeerService } from "./service/service.ts";
import { Membership } from "./swim/membership.ts";

/** Constant until regions can be recovered (S11). */
const GENERATION = 1;
/** A peer that can't reach its region goes on without: what it was told last runs, its API answers. */
const REGISTRATION_WAIT_MS = 3_000;
const CONFIRM_RETRY_MS = 1_000;

export interface Peer {
  readonly service: PeerService;
  readonly identity: Identity;
  /** The address that the API really listens on, once it does. */
  listening(api: PeerConfig["api"]): void;
  /** Resolves with what a client of the API asked for, when one does. */
  readonly stopRequested: Promise<{ readonly tasks: boolean }>;
  /** Number of tasks that run on. */
  stop(options: { readonly tasks: boolean }): Promise<number>;
}

/**
 * Resolves when the peer is whole: state loaded, tasks taken up again, known to its region or, where that
 * can't be reached, ready without it. Throws PeerError.
 */
export async function createPeer(host: Host, parts: Parts, config: PeerConfig): Promise<Peer> {
  const identity = await identityOf(host, config);
  const region = await openRegion(host, parts, identity);
  const { admission, arrival, authority, intents } = region;
  const node = await factsOf(host, parts, config, identity);
  const agent = createAgent({ host, parts, identity, authority, node, heartbeats: region.heartbeats });
  const registration = new Registration({ host, authority, node, isEnding: () => agent.isEnding });
  await withinOrLater(host, registration.start());
  await agent.start();
  const leadership = new Leadership({ host, authority, duties: () => dutiesOf(host, parts, region) });
  await leadership.start();

  const writer = new IntentWriter({ documents: host.documents, crypto: host.crypto, identity });
  const submissionWorld = { host, authority, admission, writer, intents, arrival, turns: new Turns() };
  const service = new LocalPeerService({
    host,
    parts,
    config,
    identity,
    generation: GENERATION,
    authority,
    agent,
    node,
    submissions: new Submissions(submissionWorld),
    adjustments: new Adjustments(submissionWorld),
    startedAtMs: host.clock.wall(),
    startedMonotonicMs: host.clock.monotonic(),
  });
  return {
    service,
    identity,
    listening: (api) => service.listening(api),
    stopRequested: service.stopRequested,
    async stop(options) {
      service.stopping();
      await admission.close();
      await leadership.close();
      registration.close();
      const running = options.tasks ? 0 : agent.runningTasks;
      await agent.stop(options);
      await region.close();
      await host.documents.close();
      return running;
    },
  };
}

/** What ties this peer to the others of its region. */
interface Region {
  readonly self: NodeId;
  readonly authority: Authority;
  readonly membership: Membership;
  readonly intents: IntentReader;
  readonly arrival: IntentArrival;
  readonly admission: Admission;
  readonly heartbeats: Heartbeats;
  close(): Promise<void>;
}

async function openRegion(host: Host, parts: Parts, identity: Identity): Promise<Region> {
  const { nodeId: self, region } = identity;
  const links = parts.openLinks(identity);
  const calls = new Calls({ ...host, links });
  const isFounder = region.founding.founder === identity.signer.publicKey;
  const group = { self, regionId: region.id, generation: GENERATION, isFounder };
  const authority = await Authority.open({ host, ...group, links, calls });
  await markFounded(host.disk);
  const membership = createMembership({ host, parts, identity, authority, links });
  const intents = intentReader(host, identity.root);
  const sync = new EntrySync({ ...host, links });
  const arrival = new IntentArrival({ host, intents, sync });
  const admission = new Admission({ host, authority, intents, arrival, calls });
  const grants = new LeaseGrants({ host, authority, regionId: region.id, generation: GENERATION });
  const heartbeats = new Heartbeats({ self, calls, authority, grants });
  const joining = new Joining({ host, self, links, calls, group: authority.group });
  joining.start();
  return {
    ...{ self, authority, membership, intents, arrival, admission, heartbeats },
    async close() {
      joining.close();
      sync.close();
      membership.close();
      grants.close();
      await authority.close();
      calls.close();
    },
  };
}

/** What only the leader does, in the order in which it starts. */
function dutiesOf(host: Host, parts: Parts, region: Region): readonly Duty[] {
  const { admission, authority, membership, self } = region;
  const { group, ledger } = authority;
  return [
    new Planner(host, authority, { threads: parts.placingThreads }),
    new Collector(host, authority),
    new NodeWatch({ host, authority, membership }),
    new VoterDuty({ host, self, group, ledger, membership }),
    { start: () => admission.lead(), close: async () => admission.follow() },
  ];
}

function identityOf(host: Host, config: PeerConfig): Promise<Identity> {
  return openIdentity({
    disk: host.disk,
    crypto: host.crypto,
    random: host.random.fork("identity"),
    clock: host.clock,
    directory: config.dataDirectory,
    ...(config.regionName === undefined ? {} : { regionName: config.regionName }),
    ...(config.redeem === undefined ? {} : { redeem: config.redeem }),
  });
}

/** Who of the region's nodes is there, as its ledger names them. */
function createMembership(
  peer: Omit<AgentParts, "node" | "heartbeats"> & { readonly links: Links },
): Membership {
  const { authority, host, identity, links, parts } = peer;
  const membership = new Membership(
    { ...host, links, askKeeper: (id) => parts.keepers.answers(id) },
    {
      self: identity.nodeId,
      start: identity.incarnation,
      mesh: identity.region.id,
      meta: new Uint8Array(0),
    },
  );
  const setMembers = () => membership.setMembers(authority.ledger.nodes().map(({ id }) => id));
  const setLeader = () => {
    const { leader } = authority.status();
    membership.setLeader(leader === "" ? undefined : (leader as NodeId));
  };
  authority.watch(({ events, restored }) => {
    if (restored || events.some(({ type }) => type === "NodeRegistered")) setMembers();
  });
  authority.watchRole(setLeader);
  setMembers();
  setLeader();
  return membership;
}

interface AgentParts {
  readonly host: Host;
  readonly parts: Parts;
  readonly identity: Identity;
  readonly authority: Authority;
  readonly node: NodeFacts;
  readonly heartbeats: Heartbeats;
}

/** The node's agent, told of each decision about its node and telling the authority what comes of it. */
function createAgent({ host, parts, identity, authority, node, heartbeats }: AgentParts): Agent {
  const agent = new Agent({
    host,
    parts,
    ledger: authority.ledger,
    regionName: identity.region.name,
    bootId: host.processes.facts().bootId,
    current: authority.leads ? undefined : confirmed(host, authority),
    node: () => node,
    heartbeat: (beat) => {
      const { nodeId, incarnation } = identity;
      return heartbeats.send({ kind: "heartbeat", nodeId, incarnation, ...beat });
    },
    report: async (reports) => {
      const atMs = host.clock.wall();
      await authority.propose({ kind: "allocation.report", nodeId: identity.nodeId, reports, atMs });
    },
  });
  authority.watch(({ events, restored }) => {
    if (restored) agent.resync();
    for (const event of events) follow(agent, authority, node, event);
  });
  return agent;
}

/** Resolves once the ledger here is as new as the region's: after a cut, whenever that ends. */
function confirmed(host: Host, authority: Authority): Promise<void> {
  return new Promise((resolve) => {
    const attempt = () => {
      authority.confirm().then(resolve, (cause: unknown) => {
        if (!(cause instanceof PeerError)) throw cause;
        if (cause.code !== "stopping") host.clock.after(CONFIRM_RETRY_MS, attempt);
      });
    };
    attempt();
  });
}

async function factsOf(host: Host, parts: Parts, config: PeerConfig, identity: Identity): Promise<NodeFacts> {
  const drivers: Record<string, DriverFacts> = {};
  for (const [name, driver] of parts.drivers) drivers[name] = await driver.fingerprint();
  return nodeFacts({
    id: identity.nodeId,
    name: config.nodeName,
    region: identity.region.id,
    version: config.release,
    address: config.advertise,
    incarnation: identity.incarnation,
    machine: host.processes.facts(),
    diskBytes: await host.disk.freeBytes(),
    reservedPorts: config.api.port === 0 ? [] : [config.api.port],
    meta: config.meta,
    site: config.site,
    drivers,
  });
}

/** Waits for it, but not for long. */
function withinOrLater(host: Host, promise: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = host.clock.after(REGISTRATION_WAIT_MS, resolve);
    promise.then(resolve, reject).finally(cancel);
  });
}

/** Hands the agent what the ledger decided for its node. */
function follow(agent: Agent, authority: Authority, node: NodeFacts, event: LedgerEvent): void {
  if (event.type === "AllocationForgotten") {
    void agent.forgotten(event.key);
    return;
  }
  if (event.type !== "AllocationPlaced" && event.type !== "AllocationUpdated") return;
  invariant(event.allocation !== undefined, `event ${event.type} carries its allocation`);
  if (event.allocation.nodeId !== node.id) return;
  const present = authority.ledger.allocation(event.allocation.id);
  if (present !== undefined) agent.sync(present);
}
