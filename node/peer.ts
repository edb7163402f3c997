/**
 * The only composition root: real ports and parts make a production peer, simulated ones a peer of the lab;
 * nothing else differs. Everything starts in the order in which it depends on the other, and stops in
 * reverse.
 */
import { IntentWriter } from "../crdt/index.ts";
import type { DriverFacts, Host, LedgerEvent, NodeFacts } from "../federation/index.ts";
import { invariant } from "../federation/index.ts";
import { Agent } from "./agent/agent.ts";
import { nodeFacts } from "./agent/registration.ts";
import { Adjustments } from "./authority/adjustments.ts";
import { Admission } from "./authority/admission.ts";
import { Authority } from "./authority/authority.ts";
import { Collector } from "./authority/collector.ts";
import { intentReader } from "./authority/intents.ts";
import { LeaseGrants } from "./authority/lease-grants.ts";
import { Planner } from "./authority/planning/planner.ts";
import { Submissions } from "./authority/submission.ts";
import { Turns } from "./authority/turns.ts";
import type { PeerConfig } from "./config.ts";
import { markFounded } from "./data/founding.ts";
import { type Identity, openIdentity } from "./data/identity.ts";
import type { Parts } from "./parts.ts";
import { LocalPeerService } from "./service/local-service.ts";
import type { PeerService } from "./service/service.ts";

/** Constant until regions can be recovered (S11). */
const GENERATION = 1;

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
 * Resolves when the peer is whole: state loaded, tasks taken up again, authority formed. Throws PeerError.
 */
export async function createPeer(host: Host, parts: Parts, config: PeerConfig): Promise<Peer> {
  const identity = await identityOf(host, config);
  const authority = await Authority.open({
    host,
    self: identity.nodeId,
    regionId: identity.region.id,
    generation: GENERATION,
  });
  await markFounded(host.disk);
  const node = await register(host, parts, config, identity, authority);
  const grants = new LeaseGrants({ host, authority, regionId: identity.region.id, generation: GENERATION });
  const agent = createAgent({ host, parts, identity, authority, node, grants });
  await agent.start();

  const planner = new Planner(host, authority, { threads: parts.placingThreads });
  const collector = new Collector(host, authority);
  const intents = intentReader(host, identity.root);
  const admission = new Admission(host, authority, intents);
  planner.start();
  collector.start();
  await admission.start();

  const writer = new IntentWriter({ documents: host.documents, crypto: host.crypto, identity });
  const submissionWorld = { host, authority, admission, writer, intents, turns: new Turns() };
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
      await planner.close();
      await collector.close();
      const running = options.tasks ? 0 : agent.runningTasks;
      await agent.stop(options);
      grants.close();
      await authority.close();
      await host.documents.close();
      return running;
    },
  };
}

function identityOf(host: Host, config: PeerConfig): Promise<Identity> {
  return openIdentity({
    disk: host.disk,
    crypto: host.crypto,
    random: host.random.fork("identity"),
    clock: host.clock,
    directory: config.dataDirectory,
    ...(config.regionName === undefined ? {} : { regionName: config.regionName }),
  });
}

interface AgentParts {
  readonly host: Host;
  readonly parts: Parts;
  readonly identity: Identity;
  readonly authority: Authority;
  readonly node: NodeFacts;
  readonly grants: LeaseGrants;
}

/** The node's agent, told of each decision about its node and telling the authority what comes of it. */
function createAgent({ host, parts, identity, authority, node, grants }: AgentParts): Agent {
  const agent = new Agent({
    host,
    parts,
    ledger: authority.ledger,
    regionName: identity.region.name,
    bootId: host.processes.facts().bootId,
    current: undefined,
    node: () => node,
    heartbeat: (beat) => {
      const { nodeId, incarnation } = identity;
      return grants.heartbeat({ kind: "heartbeat", nodeId, incarnation, ...beat });
    },
    report: async (reports) => {
      const atMs = host.clock.wall();
      await authority.propose({ kind: "allocation.report", nodeId: identity.nodeId, reports, atMs });
    },
  });
  authority.watch(({ events }) => {
    for (const event of events) follow(agent, authority, node, event);
  });
  return agent;
}

async function register(
  host: Host,
  parts: Parts,
  config: PeerConfig,
  identity: Identity,
  authority: Authority,
): Promise<NodeFacts> {
  const drivers: Record<string, DriverFacts> = {};
  for (const [name, driver] of parts.drivers) drivers[name] = await driver.fingerprint();
  const node = nodeFacts({
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
  await authority.propose({ kind: "node.register", node, atMs: host.clock.wall() });
  return node;
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
