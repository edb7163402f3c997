/**
 * Work for the ledger of a Raft world: jobs come, change and stop; planners, some of them on old views and
 * some of them no leaders any more, propose plans; agents tell what became of them. All that a ledger must
 * bear, with the production scheduler.
 */
import { createHash } from "node:crypto";
import {
  type Allocation,
  type AllocationId,
  type Command,
  collectable,
  evaluateJob,
  type Hash,
  isAllocationEnded,
  type JobId,
  type JobSpec,
  type NodeId,
  type RegionId,
} from "../../federation/index.ts";
import type { Chance } from "../chance.ts";
import type { Replica } from "./replica.ts";
import { ledgerEntry } from "./state.ts";
import type { RaftWorld } from "./world.ts";

const MIB = 1024 * 1024;
const STEP_MS = 120;
const CALM_STEP_MS = 40;
/** How long a plan may lie about before it is proposed. */
const STALE_MS = 1_500;
const STATIC_PORT = 8_080;
const NAMESPACE = "default";

type Work = "register" | "down" | "admit" | "plan" | "report" | "wake" | "collect" | "operate";

const WEIGHTS: Readonly<Record<Work, number>> = {
  ...{ register: 1, down: 0.3, admit: 3, plan: 12, report: 12, wake: 2, collect: 1, operate: 1 },
};
/** People, failures and new starts are over; what there is to do is done. */
const CALM: Readonly<Record<Work, number>> = {
  ...{ register: 0, down: 0, admit: 0, plan: 10, report: 10, wake: 4, collect: 0, operate: 0 },
};

export class LedgerWork {
  readonly #world: RaftWorld;
  readonly #chance: Chance;
  #isCalm = false;
  #made = 0;
  readonly #incarnations = new Map<string, number>();

  constructor(world: RaftWorld, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    if (world.plan.jobs === 0) return;
    // Every peer is a node, too.
    for (const id of world.replicas.keys()) this.#incarnations.set(id, 1);
    this.#goOn();
  }

  /** No more changes: what was begun comes to its end. */
  calm(): void {
    this.#isCalm = true;
  }

  /** What is not settled on the leader's ledger. */
  missing({ state }: Replica): readonly string[] {
    if (this.#world.plan.jobs === 0) return [];
    const open = state.ledger.pendingEvaluations().map(({ id, job }) => `evaluation ${id} of ${job} waits`);
    const unsettled = state.ledger.allocations().filter((row) => nextStatus(row, () => false) !== undefined);
    return [...open, ...unsettled.map(({ desired, id, status }) => `${id} is ${status}, to ${desired}`)];
  }

  #goOn(): void {
    this.#world.timeline.after(this.#chance.pause(this.#isCalm ? CALM_STEP_MS : STEP_MS), () => {
      this.#step();
      this.#goOn();
    });
  }

  #step(): void {
    const replica = this.#chance.pick([...this.#world.replicas.values()]);
    // In calm times only the leader's own view counts; else any, however old.
    const view = this.#isCalm ? this.#world.leader : replica.isAwake ? replica : undefined;
    if (view === undefined) return;
    this.#works[this.#chance.weighted(this.#isCalm ? CALM : WEIGHTS)](view);
  }

  readonly #works: Readonly<Record<Work, (view: Replica) => void>> = {
    register: (view) => this.#register(view),
    down: (view) => this.#down(view),
    admit: (view) => this.#admit(view),
    plan: (view) => this.#plan(view),
    report: (view) => this.#report(view),
    wake: (view) => this.#wake(view),
    collect: (view) => this.#collect(view),
    operate: (view) => this.#operate(view),
  };

  #propose(command: Command): void {
    // Several may think that they lead; each is asked now and then.
    const awake = this.#world.up.filter(({ isAwake }) => isAwake);
    const leaders = awake.filter(({ raft }) => raft.status().role === "leader");
    if (leaders.length === 0) return;
    const leader = this.#chance.pick(leaders);
    leader.raft.propose(ledgerEntry(command));
    leader.work();
  }

  #register({ id, state }: Replica): void {
    const known = state.ledger.node(id as NodeId);
    const newest = (this.#incarnations.get(id) ?? 0) + (known === undefined ? 0 : 1);
    this.#incarnations.set(id, newest);
    // Now and then what an earlier start said comes late.
    const incarnation = this.#chance.in(0.2) ? 1 + this.#chance.below(newest) : newest;
    this.#propose({
      kind: "node.register",
      atMs: this.#nowMs,
      node: {
        ...{ id: id as NodeId, name: id, region: state.ledger.regionId as RegionId, address: "127.0.0.1" },
        ...{ os: "linux", arch: "x64", version: "0.0.0", attributes: {}, meta: {}, incarnation },
        resources: { cpu: 1000, memoryBytes: 1024 * MIB, diskBytes: 1024 * MIB },
        ...{ dynamicPorts: [20_000, 20_005], reservedPorts: [], bootId: `boot-${id}` },
        drivers: { process: { detected: true, healthy: true, attributes: {} } },
      },
    });
  }

  /** Somebody takes a node for dead, rightly or not. */
  #down({ state }: Replica): void {
    const nodes = state.ledger.nodes();
    if (nodes.length === 0) return;
    const { id, incarnation } = this.#chance.pick(nodes);
    this.#propose({ kind: "node.down", id, incarnation, reason: "silent", atMs: this.#nowMs });
  }

  #admit({ state }: Replica): void {
    const job = `job-${this.#chance.below(this.#world.plan.jobs)}` as JobId;
    const record = state.ledger.job(NAMESPACE, job);
    const operation = record !== undefined && this.#chance.in(0.15) ? "stop" : "run";
    this.#made += 1;
    const versionId = createHash("sha256").update(`${this.#made}`).digest("hex") as Hash;
    this.#propose({
      ...{ kind: "job.admit", namespace: NAMESPACE, job, heads: [versionId], follows: record?.heads ?? [] },
      ...{ versionId, operation, submittedBy: "lab", submittedAtMs: this.#nowMs, atMs: this.#nowMs },
      ...(operation === "run" ? { spec: this.#drawSpec(job) } : {}),
    });
  }

  #plan({ state }: Replica): void {
    const { ledger } = state;
    const pending = ledger.pendingEvaluations();
    if (pending.length === 0) return;
    const plan = evaluateJob(ledger, this.#chance.pick(pending), {
      seed: this.#chance.below(2 ** 32),
      nowMs: this.#nowMs,
      allocationId: () => {
        this.#made += 1;
        return `alloc-${this.#made}` as AllocationId;
      },
    });
    const command = { ...plan, atMs: this.#nowMs };
    if (this.#isCalm || this.#chance.in(0.6)) this.#propose(command);
    else this.#world.timeline.after(this.#chance.between(0, STALE_MS), () => this.#propose(command));
  }

  #report({ state }: Replica): void {
    const changing = state.ledger.allocations().flatMap((row) => {
      const status = nextStatus(row, (share) => !this.#isCalm && this.#chance.in(share));
      return status === undefined ? [] : [{ row, status }];
    });
    if (changing.length === 0) return;
    const { row, status } = this.#chance.pick(changing);
    const atMs = this.#nowMs;
    const reports = [{ id: row.id, status, tasks: {}, health: row.health, atMs }];
    this.#propose({ kind: "allocation.report", nodeId: row.nodeId, reports, atMs });
  }

  #wake({ state }: Replica): void {
    const waiting = state.ledger.evaluations().filter(({ status }) => status === "waiting");
    if (waiting.length === 0) return;
    const { id } = this.#chance.pick(waiting);
    this.#propose({ kind: "evaluation.wake", id, trigger: "reschedule-due", atMs: this.#nowMs });
  }

  #collect({ state }: Replica): void {
    const soon = this.#nowMs + 365 * 24 * 3_600_000;
    const garbage = collectable(state.ledger, soon);
    if (garbage !== undefined) this.#propose({ ...garbage, atMs: this.#nowMs });
  }

  #operate({ state }: Replica): void {
    const rows = state.ledger.allocations();
    if (rows.length === 0) return;
    const { id, restartGeneration } = this.#chance.pick(rows);
    const generation = restartGeneration + 1;
    const atMs = this.#nowMs;
    if (this.#chance.in(0.5)) this.#propose({ kind: "allocation.restart", id, generation, atMs });
    else this.#propose({ kind: "allocation.stop", id, reason: "someone asked", atMs });
  }

  get #nowMs(): number {
    return Math.floor(this.#world.timeline.nowMs) + 1;
  }

  #drawSpec(id: JobId): JobSpec {
    const cpu = this.#chance.pick([100, 300, 600]);
    const memoryBytes = this.#chance.pick([64, 300]) * MIB;
    const isFixed = this.#chance.in(0.4);
    return {
      ...{ id, namespace: NAMESPACE, type: "service", priority: 50, meta: {} },
      groups: [
        {
          ...{ name: "web", count: 1 + this.#chance.below(4), meta: {}, services: [] },
          restart: { attempts: 1, intervalMs: 60_000, delayMs: 1_000, mode: "fail" },
          reschedule: {
            ...{ attempts: 0, unlimited: true, intervalMs: 0, delayMs: 1_000 },
            ...{ delayFunction: "constant", maxDelayMs: 1_000 },
          },
          ports: [isFixed ? { label: "http", static: STATIC_PORT } : { label: "http" }],
          tasks: [
            {
              ...{ name: "app", driver: "process", config: { command: "run" }, env: {}, meta: {} },
              ...{ resources: { cpu, memoryBytes }, killTimeoutMs: 1_000, killSignal: "SIGTERM" },
              logs: { maxFiles: 1, maxFileSizeBytes: MIB },
            },
          ],
        },
      ],
    };
  }
}

/** What its node would tell next of an allocation; `fails`: by chance. Undefined: nothing new. */
function nextStatus(
  { desired, status }: Allocation,
  fails: (share: number) => boolean,
): Allocation["status"] | undefined {
  if (isAllocationEnded(status)) return undefined;
  if (desired === "stop") return "complete";
  if (fails(0.1)) return "failed";
  return status === "running" ? undefined : "running";
}
