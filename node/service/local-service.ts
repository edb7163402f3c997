/** The peer as the API sees it. */
import {
  type Allocation,
  type AllocationId,
  type Host,
  isAllocationEnded,
  type JobId,
  type JobSpec,
  type LedgerView,
  type NodeFacts,
  PeerError,
} from "../../federation/index.ts";
import type { Agent } from "../agent/agent.ts";
import type { Adjustments, ScaleWish, TagWish } from "../authority/adjustments.ts";
import type { Authority } from "../authority/authority.ts";
import type { Submissions } from "../authority/submission.ts";
import { formatHostPort, type HostPort, type PeerConfig } from "../config.ts";
import type { Identity } from "../data/identity.ts";
import type { Parts } from "../parts.ts";
import { diagnose } from "./doctor.ts";
import { metricsText } from "./metrics.ts";
import { programProblems } from "./program-problems.ts";
import type {
  AllocationUsage,
  DoctorCheck,
  EventFeed,
  LogChunk,
  LogQuery,
  PeerService,
  PeerStatus,
  SubmitOptions,
  SubmitReceipt,
} from "./service.ts";

export interface ServiceWorld {
  readonly host: Host;
  readonly parts: Parts;
  readonly config: PeerConfig;
  readonly identity: Identity;
  readonly generation: number;
  readonly authority: Authority;
  readonly agent: Agent;
  readonly node: NodeFacts;
  readonly submissions: Submissions;
  readonly adjustments: Adjustments;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
}

export class LocalPeerService implements PeerService {
  readonly #world: ServiceWorld;
  #api: HostPort;
  #stopping = false;
  readonly #stopRequest = Promise.withResolvers<{ readonly tasks: boolean }>();

  constructor(world: ServiceWorld) {
    this.#world = world;
    this.#api = world.config.api;
  }

  get ledger(): LedgerView {
    return this.#world.authority.ledger;
  }

  get events(): EventFeed {
    return this.#world.authority.events;
  }

  get stopRequested(): Promise<{ readonly tasks: boolean }> {
    return this.#stopRequest.promise;
  }

  listening(api: HostPort): void {
    this.#api = api;
  }

  stopping(): void {
    this.#stopping = true;
  }

  status(): PeerStatus {
    const { authority, config, generation, host, identity, startedAtMs, startedMonotonicMs } = this.#world;
    return {
      nodeId: identity.nodeId,
      nodeName: config.nodeName,
      version: config.release,
      region: { id: identity.region.id, name: identity.region.name, generation },
      apiAddress: formatHostPort(this.#api),
      dataDirectory: config.dataDirectory,
      pid: host.processes.pid,
      startedAtMs,
      uptimeMs: host.clock.monotonic() - startedMonotonicMs,
      incarnation: identity.incarnation,
      privileged: host.processes.facts().privileged,
      overlay: { state: "off", reason: "this release has no overlay network yet" },
      raft: authority.status(),
      stopping: this.#stopping,
    };
  }

  ledgerCursor(): string {
    return this.#world.authority.events.cursor;
  }

  confirm(): Promise<void> {
    return this.#world.authority.confirm();
  }

  waitPast(cursor: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { authority, host } = this.#world;
    const feed = authority.events;
    const news = feed.since(cursor);
    if (news === "reset" || news.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        unsubscribe();
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const unsubscribe = feed.subscribe(done);
      const cancel = host.clock.after(timeoutMs, done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }

  validate(spec: JobSpec): readonly { path: string; message: string }[] {
    return programProblems(spec, this.#world.parts.drivers);
  }

  async submit(spec: JobSpec, options: SubmitOptions): Promise<SubmitReceipt> {
    this.#refuseWhenStopping();
    return this.#world.submissions.run(spec, options);
  }

  async stopJob(namespace: string, job: string, options: SubmitOptions): Promise<SubmitReceipt> {
    this.#refuseWhenStopping();
    return this.#world.submissions.stop(namespace, job as JobId, options);
  }

  async scaleJob(wish: ScaleWish, options: SubmitOptions): Promise<SubmitReceipt> {
    this.#refuseWhenStopping();
    return this.#world.adjustments.scale(wish, options);
  }

  async tagJob(wish: TagWish, options: SubmitOptions): Promise<SubmitReceipt> {
    this.#refuseWhenStopping();
    return this.#world.adjustments.tag(wish, options);
  }

  async stopAllocation(id: AllocationId): Promise<{ readonly index: number; readonly evaluation?: string }> {
    this.#refuseWhenStopping();
    const { authority, host } = this.#world;
    const { index, outcome } = await authority.propose({
      kind: "allocation.stop",
      id,
      reason: "stopped by an operator",
      atMs: host.clock.wall(),
    });
    return { index, ...(outcome.evaluation === undefined ? {} : { evaluation: outcome.evaluation }) };
  }

  async restartAllocation(id: AllocationId, task?: string): Promise<{ readonly index: number }> {
    this.#refuseWhenStopping();
    const { authority, host } = this.#world;
    const row = this.#allocation(id);
    if (isAllocationEnded(row.status) || row.desired === "stop") {
      throw new PeerError("conflict", `allocation ${id.slice(0, 8)} is ${row.status} and not to run`, {
        hint: "submit its job again to place a new one",
      });
    }
    if (task !== undefined && !this.#taskNames(row).includes(task)) {
      throw new PeerError("not_found", `allocation ${id.slice(0, 8)} has no task ${task}`, {
        hint: `it has: ${this.#taskNames(row).join(", ")}`,
      });
    }
    const { index } = await authority.propose({
      kind: "allocation.restart",
      id,
      generation: row.restartGeneration + 1,
      ...(task === undefined ? {} : { task }),
      atMs: host.clock.wall(),
    });
    return { index };
  }

  async *logs(id: AllocationId, query: LogQuery): AsyncIterable<LogChunk> {
    const row = this.#allocation(id);
    if (!this.#taskNames(row).includes(query.task)) {
      throw new PeerError("not_found", `allocation ${id.slice(0, 8)} has no task ${query.task}`, {
        hint: `it has: ${this.#taskNames(row).join(", ")}`,
      });
    }
    const { directories, logFiles } = this.#world.parts;
    const ended = () => {
      const present = this.ledger.allocation(id);
      return present === undefined || isAllocationEnded(present.status);
    };
    yield* logFiles.read(directories.paths(id).logs, { ...query, ended });
  }

  usage(id: AllocationId): Promise<AllocationUsage> {
    return this.#world.agent.usage(id);
  }

  async doctor(): Promise<readonly DoctorCheck[]> {
    const { authority, host, node } = this.#world;
    return diagnose({
      node,
      ledger: this.ledger,
      raft: authority.status(),
      diskFreeBytes: await host.disk.freeBytes(),
      wallMs: host.clock.wall(),
      privileged: host.processes.facts().privileged,
    });
  }

  async metrics(): Promise<string> {
    const { agent, authority, config, host, startedMonotonicMs } = this.#world;
    return metricsText({
      ledger: this.ledger,
      raft: authority.status(),
      ...host.processes.usage(),
      uptimeMs: host.clock.monotonic() - startedMonotonicMs,
      runningTasks: agent.runningTasks,
      diskFreeBytes: await host.disk.freeBytes(),
      version: config.release,
    });
  }

  requestStop(options: { readonly tasks: boolean }): void {
    this.#stopping = true;
    this.#stopRequest.resolve(options);
  }

  #allocation(id: AllocationId): Allocation {
    const row = this.ledger.allocation(id);
    if (row === undefined) throw new PeerError("not_found", `there is no allocation ${id}`);
    return row;
  }

  #taskNames(row: Allocation): readonly string[] {
    const version = this.ledger.version(row.namespace, row.job, row.version);
    const group = version?.spec.groups.find((candidate) => candidate.name === row.group);
    return group?.tasks.map((task) => task.name) ?? Object.keys(row.tasks);
  }

  #refuseWhenStopping(): void {
    if (!this.#stopping) return;
    throw new PeerError("stopping", "this peer is stopping", {
      hint: "ask again once it is up",
      retryable: true,
    });
  }
}
