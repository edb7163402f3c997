/**
 * Random histories of a small region: a stream of numbers becomes commands, honest and hostile, on whatever
 * the ledger holds at that point. The planner here is the honest reference: it knows nothing of the
 * scheduler.
 */
import {
  type Allocation,
  type AllocationReport,
  type AllocationStatus,
  type ApplyPlan,
  type Command,
  collectable,
  type Evaluation,
  GARBAGE_LIMITS,
  type GroupSpec,
  type JobRecord,
  type JobSpec,
  type LedgerView,
  type NodeRecord,
  type PlannedPlacement,
  type PlannedStop,
  type Refusal,
  TASK_RANK,
  type TaskRecord,
} from "../../../federation/index.ts";
import { allocationId, groupSpec, hash, jobId, jobSpec, MIB, nodeFacts, nodeId, sized } from "./support.ts";

const STATUSES: readonly AllocationStatus[] = [
  "starting",
  "running",
  "running",
  "complete",
  "failed",
  "failed",
  "lost",
  "unknown",
  "pending",
];
const STATES = Object.keys(TASK_RANK) as TaskRecord["state"][];
const NODES = 4;
const JOBS = 3;

export const isLive = ({ status }: Allocation) => !["complete", "failed", "lost"].includes(status);

export function demandOf(group: GroupSpec): { cpu: number; memoryBytes: number } {
  const sum = (key: "cpu" | "memoryBytes") =>
    group.tasks.reduce((total, task) => total + task.resources[key], 0);
  return { cpu: sum("cpu"), memoryBytes: sum("memoryBytes") };
}

/**
 * Ports for one instance of the group on the node, or undefined where it has no room. `taken`: by this plan
 * so far.
 */
export function roomOn(
  view: LedgerView,
  node: NodeRecord,
  group: GroupSpec,
  taken: readonly PlannedPlacement[] = [],
  groups: readonly GroupSpec[] = [],
): Record<string, number> | undefined {
  if (node.status !== "ready" || !node.eligible) return undefined;
  const used = new Set(node.reservedPorts);
  const need = demandOf(group);
  for (const allocation of view.allocations()) {
    if (allocation.nodeId !== node.id || !isLive(allocation)) continue;
    need.cpu += allocation.resources.cpu;
    need.memoryBytes += allocation.resources.memoryBytes;
    for (const port of Object.values(allocation.ports)) used.add(port);
  }
  for (const other of taken) {
    const spec = groups.find(({ name }) => name === other.group);
    if (other.nodeId !== node.id || spec === undefined) continue;
    need.cpu += demandOf(spec).cpu;
    need.memoryBytes += demandOf(spec).memoryBytes;
    for (const port of Object.values(other.ports)) used.add(port);
  }
  if (need.cpu > node.resources.cpu || need.memoryBytes > node.resources.memoryBytes) return undefined;
  const ports: Record<string, number> = {};
  const [first, last] = node.dynamicPorts;
  for (const { label, static: fixed } of group.ports) {
    let port = fixed ?? first;
    while (fixed === undefined && used.has(port)) port += 1;
    if (used.has(port) || (fixed === undefined && port > last)) return undefined;
    used.add(port);
    ports[label] = port;
  }
  return ports;
}

export interface Slot {
  readonly group: GroupSpec;
  readonly index: number;
  readonly live: readonly Allocation[];
  readonly last: Allocation | undefined;
}

export function slotsOf(view: LedgerView, job: JobRecord): readonly Slot[] {
  const own = view.allocationsOfJob(job.namespace, job.id);
  return view.currentVersion(job).spec.groups.flatMap((group) =>
    Array.from({ length: group.count }, (_, index): Slot => {
      const here = own.filter((row) => row.group === group.name && row.index === index);
      return { group, index, live: here.filter(isLive), last: here.at(-1) };
    }),
  );
}

/** The slot has no live allocation and shall have one. */
export function isEmpty(view: LedgerView, job: JobRecord, { last, live }: Slot): boolean {
  if (job.stopped || live.length > 0) return false;
  const { number, spec } = view.currentVersion(job);
  if (last === undefined || last.version !== number || last.desired === "stop") return true;
  if (spec.type === "batch" && last.status === "complete") return false;
  return last.next !== last.id;
}

/** The allocation is live, asked to run, and shall not. */
export function isSurplus(view: LedgerView, job: JobRecord, allocation: Allocation): boolean {
  if (!isLive(allocation) || allocation.desired === "stop") return false;
  if (job.stopped) return true;
  const { number, spec } = view.currentVersion(job);
  const group = spec.groups.find(({ name }) => name === allocation.group);
  return allocation.version !== number || allocation.index >= (group?.count ?? 0);
}

export type Planner = (evaluation: Evaluation, atMs: number) => ApplyPlan | undefined;

/** Turns draws into commands. Draws beyond the given ones are 0, so every prefix is a history, too. */
export class Historian {
  readonly #view: LedgerView;
  readonly #draws: readonly number[];
  #at = 0;
  #made = 0;
  #admitted: Command[] = [];
  #flying: ApplyPlan[] = [];
  readonly #incarnations = new Map<number, number>();
  readonly #planner: Planner;

  /** `planner`: in place of the honest one here. */
  constructor(view: LedgerView, draws: readonly number[], planner?: Planner) {
    this.#view = view;
    this.#draws = draws;
    this.#planner = planner ?? ((evaluation, atMs) => this.#honestPlan(evaluation, atMs));
  }

  get isOver(): boolean {
    return this.#at >= this.#draws.length;
  }

  /** The next command on the view as it is now; undefined when this step only planned. */
  next(atMs: number): Command | undefined {
    const makers: readonly (() => Command | undefined)[] = [
      () => this.#admit(atMs),
      () => (this.#draw(3) === 0 ? this.#stopJob(atMs) : this.#register(atMs)),
      () => this.#oldAdmission(),
      () => this.#register(atMs),
      () => this.#think(atMs),
      () => this.#think(atMs),
      () => this.#land(),
      () => this.#land(),
      () => this.#planNow(atMs),
      () => this.#planNow(atMs),
      () => this.#hostilePlan(atMs),
      () => this.#report(atMs),
      () => this.#report(atMs),
      () => this.#report(atMs),
      () => this.#hostileReport(atMs),
      () => (this.#draw(4) === 0 ? this.#lose(atMs) : this.#operate(atMs)),
      () => this.#wake(atMs),
      () => this.#collect(atMs),
    ];
    return makers[this.#draw(makers.length)]?.();
  }

  #draw(below: number): number {
    return (this.#draws[this.#at++] ?? 0) % below;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#draw(Math.max(1, items.length))];
  }

  #spec(n: number): JobSpec {
    const size = sized(this.#pick([0, 100, 300, 700]) ?? 0, (this.#pick([1, 200, 600]) ?? 1) * MIB);
    const ports =
      this.#pick([[], [{ label: "http" }], [{ label: "fixed", static: 8080 }, { label: "http" }]]) ?? [];
    const web = groupSpec({ count: this.#draw(4), ports, ...size });
    const side = groupSpec({ name: "side", count: this.#draw(2), ports: [{ label: "s", static: 20_001 }] });
    return jobSpec(`job-${n}`, {
      type: n === 0 ? "batch" : "service",
      priority: 1 + this.#draw(3),
      groups: this.#draw(3) === 0 ? [side, web] : [web],
    });
  }

  #admission(n: number, atMs: number): Extract<Command, { kind: "job.admit" }> {
    const id = jobId(`job-${n}`);
    const held = this.#view.job("default", id);
    const version = hash(`version-${this.#made++}`);
    const command = {
      kind: "job.admit",
      namespace: "default",
      job: id,
      heads: [version],
      follows: held?.heads ?? [],
      versionId: version,
      submittedBy: "tester",
      submittedAtMs: atMs,
      atMs,
    } as const;
    return { ...command, operation: "stop" };
  }

  #admit(atMs: number): Command {
    const n = this.#draw(JOBS);
    const command = { ...this.#admission(n, atMs), operation: "run", spec: this.#spec(n) } as const;
    this.#admitted.push(command);
    return command;
  }

  #stopJob(atMs: number): Command {
    return this.#admission(this.#draw(JOBS), atMs);
  }

  /** A retry, or one that was overtaken. */
  #oldAdmission(): Command | undefined {
    return this.#pick(this.#admitted);
  }

  /** Of a start that is long past, too. */
  #lose(atMs: number): Command {
    const n = this.#draw(NODES + 1);
    const incarnation = (this.#incarnations.get(n) ?? 1) - (this.#draw(4) === 0 ? 1 : 0);
    return {
      kind: "node.down",
      id: nodeId(n),
      incarnation: Math.max(0, incarnation),
      reason: "silent",
      atMs,
    };
  }

  #register(atMs: number): Command {
    const n = this.#draw(NODES);
    const incarnation = (this.#incarnations.get(n) ?? 1) + this.#draw(3) - 1;
    this.#incarnations.set(n, Math.max(1, incarnation));
    const resources = {
      cpu: this.#pick([1000, 500, 200]) ?? 0,
      memoryBytes: (this.#pick([1024, 512]) ?? 0) * MIB,
      diskBytes: 0,
    };
    const reservedPorts = this.#draw(4) === 0 ? [8080] : [7337];
    return { kind: "node.register", node: nodeFacts(n, { incarnation, resources, reservedPorts }), atMs };
  }

  /** Plans now, to be proposed later. */
  #think(atMs: number): undefined {
    const plan = this.#planNow(atMs);
    if (plan !== undefined) this.#flying.push(plan);
    return undefined;
  }

  /** Proposes a plan made earlier, in any order, perhaps not for the last time. */
  #land(): Command | undefined {
    const plan = this.#pick(this.#flying);
    if (this.#draw(3) > 0) this.#flying = this.#flying.filter((other) => other !== plan);
    return plan;
  }

  #planNow(atMs: number): ApplyPlan | undefined {
    const evaluation = this.#pick(this.#view.pendingEvaluations());
    return evaluation === undefined ? undefined : this.#planner(evaluation, atMs);
  }

  #honestPlan(evaluation: Evaluation, atMs: number): ApplyPlan | undefined {
    const job = this.#view.job(evaluation.namespace, evaluation.job);
    if (job === undefined) return undefined;
    const { number: version, spec } = this.#view.currentVersion(job);
    const placements: PlannedPlacement[] = [];
    const abandoned: Allocation["id"][] = [];
    const unplaced = new Map<string, number>();
    let waits = false;
    for (const slot of slotsOf(this.#view, job)) {
      if (!isEmpty(this.#view, job, slot)) continue;
      const { last } = slot;
      const failed = last !== undefined && last.version === version && last.desired === "run";
      const luck = failed ? this.#draw(6) : 5;
      if (luck === 0 && last !== undefined) abandoned.push(last.id);
      else if (luck === 1) waits = true;
      else {
        const found = this.#findRoom(slot, placements, spec.groups);
        if (found === undefined) unplaced.set(slot.group.name, (unplaced.get(slot.group.name) ?? 0) + 1);
        else placements.push(found);
      }
    }
    const stops = this.#view
      .allocationsOfJob(job.namespace, job.id)
      .filter((row) => isSurplus(this.#view, job, row))
      .map(({ id }): PlannedStop => ({ id, reason: "surplus" }));
    const refusals = Array.from(unplaced, ([group, count]): Refusal => {
      return { group, unplaced: count, nodesEvaluated: 1, excluded: { room: 1 } };
    });
    return {
      kind: "plan.apply",
      evaluation: evaluation.id,
      version,
      snapshotIndex: this.#view.index,
      placements,
      stops,
      abandoned,
      outcome: refusals.length > 0 ? "blocked" : waits ? "waiting" : "complete",
      refusals,
      ...(waits ? { delayMs: 1_000 } : {}),
      atMs,
    };
  }

  #findRoom(
    { group, index, last }: Slot,
    taken: readonly PlannedPlacement[],
    groups: readonly GroupSpec[],
  ): PlannedPlacement | undefined {
    const nodes = this.#view.nodes();
    const start = this.#draw(NODES);
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(start + step) % nodes.length];
      const ports = node === undefined ? undefined : roomOn(this.#view, node, group, taken, groups);
      if (node === undefined || ports === undefined) continue;
      const previous = last === undefined ? {} : { previous: last.id };
      return {
        id: allocationId(this.#made++),
        group: group.name,
        index,
        nodeId: node.id,
        ports,
        ...previous,
      };
    }
    return undefined;
  }

  /** An honest plan with placements that an honest planner would not make, before or behind its own. */
  #hostilePlan(atMs: number): ApplyPlan | undefined {
    const plan = this.#planNow(atMs);
    if (plan === undefined) return undefined;
    const wild = Array.from({ length: 1 + this.#draw(3) }, (): PlannedPlacement => {
      const others = this.#view.allocations();
      return {
        id: (this.#draw(3) === 0 ? this.#pick(others)?.id : undefined) ?? allocationId(this.#made++),
        group: this.#pick(["web", "side", "nothing"]) ?? "web",
        index: this.#pick([0, 1, 2, 3, 7]) ?? 0,
        nodeId: nodeId(this.#draw(NODES + 1)),
        ports:
          this.#pick([{}, { http: 20_000 }, { fixed: 8080, http: 20_001 }, { s: 20_001 }, { http: 7337 }]) ??
          {},
        ...(this.#draw(2) === 0 ? {} : { previous: this.#pick(others)?.id ?? allocationId(0) }),
      };
    });
    const foreign = this.#view.allocations().map(({ id }): PlannedStop => ({ id, reason: "hostile" }));
    const own = new Set(plan.stops.map(({ id }) => id));
    const { job } = this.#view.evaluation(plan.evaluation) ?? {};
    return {
      ...plan,
      version: plan.version + (this.#draw(5) === 0 ? 1 : 0),
      placements: this.#draw(2) === 0 ? [...wild, ...plan.placements] : [...plan.placements, ...wild],
      stops: [
        ...plan.stops,
        ...foreign.filter(({ id }) => !own.has(id) && this.#view.allocation(id)?.job !== job),
      ],
      abandoned: [
        ...plan.abandoned,
        ...this.#view
          .allocations()
          .filter(isLive)
          .map(({ id }) => id),
      ],
    };
  }

  #report(atMs: number): Command | undefined {
    const row = this.#pick(this.#view.allocations().filter(isLive));
    if (row === undefined) return undefined;
    const siblings = this.#view.allocationsOfNode(row.nodeId).filter(() => this.#draw(3) === 0);
    const reports = [row, ...siblings].map((held) => this.#reportOf(held.id));
    return { kind: "allocation.report", nodeId: row.nodeId, reports, atMs };
  }

  #reportOf(id: Allocation["id"]): AllocationReport {
    const tasks = {
      app: { state: this.#pick(STATES) ?? "pending", restarts: this.#draw(3), message: `m${this.#draw(3)}` },
    };
    const health = this.#pick(["none", "healthy", "unhealthy"] as const) ?? "none";
    const status = this.#pick(STATUSES) ?? "running";
    return { id, status, tasks, health, atMs: 1, ...(this.#draw(2) === 0 ? {} : { message: "hm" }) };
  }

  /** Of anyone's allocations, ended ones and unknown ones too. */
  #hostileReport(atMs: number): Command {
    const ids = [...this.#view.allocations().map(({ id }) => id), allocationId(999_999)];
    const reports = ids.filter(() => this.#draw(2) === 0).map((id) => this.#reportOf(id));
    return { kind: "allocation.report", nodeId: nodeId(this.#draw(NODES + 1)), reports, atMs };
  }

  #operate(atMs: number): Command | undefined {
    const row = this.#pick(this.#view.allocations());
    if (row === undefined) return undefined;
    const { id } = row;
    if (this.#draw(2) === 0) return { kind: "allocation.stop", id, reason: "operator", atMs };
    const generation = row.restartGeneration + this.#draw(3);
    return {
      kind: "allocation.restart",
      id,
      generation,
      ...(this.#draw(2) === 0 ? {} : { task: "app" }),
      atMs,
    };
  }

  #wake(atMs: number): Command | undefined {
    const row = this.#pick(this.#view.evaluations());
    return row && { kind: "evaluation.wake", id: row.id, trigger: "reschedule-due", atMs };
  }

  /** What is due by tight limits, or everything there is. */
  #collect(atMs: number): Command | undefined {
    const limits = { ...GARBAGE_LIMITS, allocationsKept: 1, evaluationsKept: 1, jobAgeMs: 0 };
    if (this.#draw(2) === 0) return collectable(this.#view, atMs, limits);
    return {
      kind: "garbage.collect",
      allocations: this.#view.allocations().map(({ id }) => id),
      evaluations: this.#view.evaluations().map(({ id }) => id),
      jobs: this.#view.jobs().map(({ id, namespace }) => ({ namespace, job: id })),
      atMs,
    };
  }
}
