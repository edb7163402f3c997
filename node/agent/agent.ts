/** The node's side: makes what runs here equal to what the ledger wants here. */
import type { Driver, TaskHandle, TaskUsage } from "../../drivers/index.ts";
import {
  type Allocation,
  type AllocationReport,
  type Host,
  invariant,
  isAllocationEnded,
  type JobSpec,
  type LedgerView,
  type LocalAllocation,
  type NodeFacts,
  newLocalAllocation,
  PeerError,
  reportOf,
} from "../../federation/index.ts";
import type { Parts } from "../parts.ts";
import type { AllocationUsage } from "../service/service.ts";
import { AgentLeases, type LeaseWorld } from "./lease.ts";
import { Reporter } from "./reporter.ts";
import { AllocationRunner } from "./runner.ts";
import type { RunnerWorld } from "./runner-world.ts";
import { AgentStore } from "./store.ts";

const UNCLAIMED_KILL_TIMEOUT_MS = 5_000;

export interface AgentWorld {
  readonly host: Host;
  readonly parts: Parts;
  readonly ledger: LedgerView;
  readonly regionName: string;
  readonly bootId: string;
  node(): NodeFacts;
  /** Resolves once the ledger here holds all that was committed when the peer started; undefined: it does. */
  readonly current: Promise<void> | undefined;
  /** Durable in the ledger on return; PeerError when the authority can't be reached. */
  report(reports: readonly AllocationReport[]): Promise<void>;
  /** Asks the region's leader for the leases of this node. */
  readonly heartbeat: LeaseWorld["heartbeat"];
}

/** By run key. */
type LeftRuns = ReadonlyMap<string, { readonly driver: Driver; readonly handle: TaskHandle }>;

export class Agent {
  readonly #world: AgentWorld;
  readonly #store: AgentStore;
  readonly #runners = new Map<string, AllocationRunner>();
  readonly #reporter: Reporter;
  /** They end: the ledger knows nothing of them. */
  readonly #orphans = new Set<string>();
  readonly #leases: AgentLeases;
  #stopped = false;

  constructor(world: AgentWorld) {
    this.#world = world;
    this.#store = new AgentStore(world.host.disk);
    this.#reporter = new Reporter({
      host: world.host,
      report: (id) => this.#report(id),
      send: (reports) => world.report(reports),
    });
    const { bootId, heartbeat, host } = world;
    this.#leases = new AgentLeases({ host, bootId, heartbeat, moved: (ids) => this.#renew(ids) });
  }

  /** Takes up the tasks that a former run of this peer left, then what the ledger wants. */
  async start(): Promise<void> {
    const left = await this.#leftRuns();
    const handles = new Map([...left].map(([key, { handle }]) => [key, handle]));
    const recovering: Promise<void>[] = [];
    for (const { allocation: last, job, local } of await this.#store.load()) {
      const held = this.#world.ledger.allocation(last.id);
      const allocation = held === undefined || held.modifyIndex < last.modifyIndex ? last : held;
      // Its end is known: only its files wait for the ledger to forget it.
      if (held !== undefined && isAllocationEnded(allocation.status)) continue;
      const present = allocation.version === last.version ? job : this.#specOf(allocation).job;
      recovering.push(this.#add(allocation, present, local).recover(handles));
    }
    await Promise.all(recovering);
    for (const allocation of this.#world.ledger.allocationsOfNode(this.#world.node().id))
      this.sync(allocation);
    const { current } = this.#world;
    if (current === undefined) await this.#settle(left);
    else void current.then(() => this.#settle(left)).catch((cause: unknown) => this.#tolerate(cause));
  }

  /** Ends what the ledger, now that it is whole, knows nothing of. */
  async #settle(left: LeftRuns): Promise<void> {
    if (this.#stopped) return;
    for (const [key, { driver, handle }] of left) await this.#endUnclaimed(key, driver, handle);
    for (const runner of [...this.#runners.values()]) {
      const { allocation } = runner;
      if (this.#world.ledger.allocation(allocation.id) !== undefined) continue;
      this.#orphans.add(allocation.id);
      runner.update({ ...allocation, desired: "stop" }, undefined);
      this.#dropOrphan(runner);
    }
  }

  /** Once all its tasks have ended. */
  #dropOrphan(runner: AllocationRunner): void {
    const { id } = runner.allocation;
    if (!runner.ended || !this.#orphans.delete(id)) return;
    void this.#forget(id).catch((cause: unknown) => this.#tolerate(cause));
  }

  /** Left over until the next start. */
  #tolerate(cause: unknown): void {
    if (!(cause instanceof PeerError)) throw cause;
    this.#world.host.log("warn", "what nothing asks for was not removed", { error: cause.message });
  }

  /** The ledger's row of an allocation on this node changed or is seen for the first time. */
  sync(allocation: Allocation): void {
    if (this.#stopped) return;
    const runner = this.#runners.get(allocation.id);
    if (runner !== undefined) {
      const isNewer = allocation.version !== runner.allocation.version;
      runner.update(allocation, isNewer ? this.#specOf(allocation).job : undefined);
      if (!isAllocationEnded(allocation.status) || !runner.ended) return;
      this.#runners.delete(allocation.id);
      this.#leases.forget(allocation.id);
    } else if (!isAllocationEnded(allocation.status)) {
      const { job, group } = this.#specOf(allocation);
      const local = newLocalAllocation(allocation, group, this.#world.bootId);
      this.#add(allocation, job, local).poke();
    }
  }

  /** The ledger forgot an ended allocation: its files go too. */
  async forgotten(id: string): Promise<void> {
    const runner = this.#runners.get(id);
    if (runner !== undefined && !runner.ended) return;
    await this.#forget(id);
  }

  runner(id: string): AllocationRunner | undefined {
    return this.#runners.get(id);
  }

  async usage(id: string): Promise<AllocationUsage> {
    const runner = this.#runners.get(id);
    if (runner === undefined) {
      throw new PeerError("not_found", `allocation ${id} does not run on this node`);
    }
    const tasks: Record<string, TaskUsage> = {};
    for (const name of Object.keys(runner.local.tasks)) {
      const running = runner.running(name);
      if (running !== undefined) tasks[name] = await running.driver.usage(running.handle);
    }
    const sum = (pick: (usage: TaskUsage) => number) =>
      Object.values(tasks).reduce((total, usage) => total + pick(usage), 0);
    return {
      cpu: sum((usage) => usage.cpu),
      cpuSeconds: sum((usage) => usage.cpuSeconds),
      memoryBytes: sum((usage) => usage.memoryBytes),
      processCount: sum((usage) => usage.processCount),
      tasks,
    };
  }

  /** Tasks that run now. */
  get runningTasks(): number {
    let count = 0;
    for (const runner of this.#runners.values()) {
      for (const name of Object.keys(runner.local.tasks)) if (runner.running(name) !== undefined) count += 1;
    }
    return count;
  }

  /** Tasks run on here of allocations whose end the ledger knows already: they are on their way out. */
  get isEnding(): boolean {
    return [...this.#runners.values()].some(
      (runner) => isAllocationEnded(runner.allocation.status) && !runner.ended,
    );
  }

  /** The ledger was replaced as a whole: looks at all of this node's allocations again. */
  resync(): void {
    const { ledger } = this.#world;
    for (const allocation of ledger.allocationsOfNode(this.#world.node().id)) this.sync(allocation);
    void this.#settle(new Map()).catch((cause: unknown) => this.#tolerate(cause));
  }

  /** With `tasks`, ends them all first; without, they run on and the next start takes them up again. */
  async stop(options: { readonly tasks: boolean }): Promise<void> {
    this.#stopped = true;
    this.#leases.close();
    const runners = [...this.#runners.values()];
    if (options.tasks) await Promise.all(runners.map((runner) => runner.shutdown()));
    await this.#reporter.close();
    await Promise.all(runners.map((runner) => runner.detach()));
    for (const driver of this.#world.parts.drivers.values()) {
      if (options.tasks) await driver.shutdown?.();
      await driver.close();
    }
  }

  #add(allocation: Allocation, job: JobSpec, local: LocalAllocation): AllocationRunner {
    const runner = new AllocationRunner(this.#runnerWorld(), job, allocation, local);
    this.#runners.set(allocation.id, runner);
    return runner;
  }

  #runnerWorld(): RunnerWorld {
    return {
      host: this.#world.host,
      parts: this.#world.parts,
      store: this.#store,
      bootId: this.#world.bootId,
      regionName: this.#world.regionName,
      leases: this.#leases,
      node: () => this.#world.node(),
      changed: (runner) => this.#reporter.changed(runner.allocation.id),
      settled: (runner) => this.#dropOrphan(runner),
    };
  }

  /** Those that run may run on, those that waited for their lease may start. */
  #renew(ids: readonly string[]): void {
    for (const id of ids) {
      const runner = this.#runners.get(id);
      if (runner === undefined) continue;
      for (const name of Object.keys(runner.local.tasks)) {
        const running = runner.running(name);
        if (running !== undefined) void runner.lease.renew(name, running);
      }
      runner.poke();
    }
  }

  #specOf(allocation: Allocation) {
    const version = this.#world.ledger.version(allocation.namespace, allocation.job, allocation.version);
    invariant(
      version !== undefined,
      `the ledger lost version ${allocation.version} of job ${allocation.job}`,
    );
    const group = version.spec.groups.find((candidate) => candidate.name === allocation.group);
    invariant(
      group !== undefined,
      `job ${allocation.job} version ${allocation.version} lost group ${allocation.group}`,
    );
    return { job: version.spec, group };
  }

  #report(id: string): AllocationReport | undefined {
    const runner = this.#runners.get(id);
    if (runner === undefined) return undefined;
    const report = reportOf(runner.situation, runner.checks.health);
    const message = report.message ?? runner.checks.message;
    return {
      ...report,
      ...(runner.rollout === undefined ? {} : { rollout: runner.rollout }),
      version: runner.allocation.version,
      id: runner.allocation.id,
      atMs: this.#world.host.clock.wall(),
      ...(message === undefined ? {} : { message }),
    };
  }

  /** Whatever the drivers still know, by the key of its run. */
  async #leftRuns(): Promise<LeftRuns> {
    const left = new Map<string, { readonly driver: Driver; readonly handle: TaskHandle }>();
    for (const driver of this.#world.parts.drivers.values()) {
      for (const handle of await driver.list()) left.set(handle.key, { driver, handle });
    }
    return left;
  }

  /** A run that no allocation of this node looks after (any more) is no one's: it ends. */
  async #endUnclaimed(key: string, driver: Driver, handle: TaskHandle): Promise<void> {
    const claimed = [...this.#runners.values()].some((runner) => runner.claims(key));
    if (claimed) return;
    this.#world.host.log("info", "removing a run that nothing asks for", { run: key });
    await driver.stop(handle, { killSignal: "SIGTERM", killTimeoutMs: UNCLAIMED_KILL_TIMEOUT_MS });
    await driver.remove(handle);
  }

  async #forget(id: string): Promise<void> {
    this.#leases.forget(id);
    this.#runners.delete(id);
    this.#reporter.forget(id);
    await this.#world.parts.directories.remove(id);
    await this.#store.remove(id);
  }
}
