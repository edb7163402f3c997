/**
 * The node's side of leases (S8): asks for them while exclusives are here, says whether one may start, and
 * passes each renewal on to the drivers, whose keepers end what is not renewed.
 */
import type { TaskLease, TaskStart } from "../../drivers/index.ts";
import {
  type Allocation,
  type AllocationId,
  type Cancel,
  fenceText,
  type GroupSpec,
  type HeartbeatAnswer,
  type HeartbeatRequest,
  type Host,
  heartbeatDelayMs,
  LEASE_HEARTBEAT_MS,
  LEASE_MARGIN_MS,
  LeaseHolder,
  slowestKillMs,
  type TaskSpec,
  type TaskStep,
} from "../../federation/index.ts";
import type { RunningTask } from "./running-task.ts";

/** Heartbeats under way: more would only pile up where the authority does not answer. */
const UNDER_WAY_MAX = 8;

export interface LeaseWorld {
  readonly host: Pick<Host, "clock" | "random" | "log">;
  readonly bootId: string;
  /** Asks the region's leader. Rejects (PeerError) where there is none to be reached. */
  heartbeat(request: Pick<HeartbeatRequest, "bootId" | "sequence">): Promise<HeartbeatAnswer>;
  /** The leases of these were moved. */
  moved(allocations: readonly AllocationId[]): void;
}

export class AgentLeases {
  readonly #world: LeaseWorld;
  readonly #holder: LeaseHolder;
  readonly #wanted = new Set<AllocationId>();
  #cancel: Cancel | undefined;
  #underWay = 0;
  #isClosed = false;

  constructor(world: LeaseWorld) {
    this.#world = world;
    this.#holder = new LeaseHolder(world.bootId);
  }

  /** What one allocation may do; asks for its lease from now on if it is exclusive. */
  of(allocation: Allocation, group: GroupSpec): AllocationLease {
    if (group.exclusive === undefined) return new AllocationLease(undefined, this.#holder, this.#world);
    this.#wanted.add(allocation.id);
    if (this.#cancel === undefined) this.#beat();
    return new AllocationLease({ id: allocation.id, group }, this.#holder, this.#world);
  }

  /** It has ended here, or is forgotten. */
  forget(id: string): void {
    this.#wanted.delete(id as AllocationId);
    this.#holder.forget(id as AllocationId);
  }

  /** Running exclusives end with the leases that they have. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #beat(): void {
    this.#cancel = undefined;
    if (this.#isClosed || this.#wanted.size === 0) return;
    const { clock, log, random } = this.#world.host;
    this.#cancel = clock.after(heartbeatDelayMs(LEASE_HEARTBEAT_MS, true, random.next()), () => this.#beat());
    if (this.#underWay >= UNDER_WAY_MAX) return;
    this.#underWay += 1;
    // The lease counts from here, before anything is sent.
    const sequence = this.#holder.beat(clock.boot());
    void this.#world
      .heartbeat({ bootId: this.#world.bootId, sequence })
      .then((answer) => {
        const moved = this.#isClosed ? [] : this.#holder.acknowledged(answer);
        if (moved.length > 0) this.#world.moved(moved);
      })
      .catch((error: unknown) => log("debug", "no lease now", { error: String(error) }))
      .finally(() => {
        this.#underWay -= 1;
      });
  }
}

/** One allocation's view of its lease. Where it is not exclusive, all is allowed. */
export class AllocationLease {
  readonly #exclusive: { readonly id: AllocationId; readonly group: GroupSpec } | undefined;
  readonly #holder: LeaseHolder;
  readonly #world: Pick<LeaseWorld, "host">;

  constructor(
    exclusive: { readonly id: AllocationId; readonly group: GroupSpec } | undefined,
    holder: LeaseHolder,
    world: Pick<LeaseWorld, "host">,
  ) {
    this.#exclusive = exclusive;
    this.#holder = holder;
    this.#world = world;
  }

  /** Nothing may start now: it is exclusive and holds no lease of this boot that is long enough. */
  get isMissing(): boolean {
    if (this.#exclusive === undefined) return false;
    const { group, id } = this.#exclusive;
    return !this.#holder.mayStart(id, slowestKillMs(group), this.#world.host.clock.boot());
  }

  /** Stops are always allowed. */
  allows(step: TaskStep): boolean {
    return step.kind === "stop" || !this.isMissing;
  }

  /** What a start of the task is told. */
  terms(task: Pick<TaskSpec, "killSignal" | "killTimeoutMs">): {
    readonly fence?: string;
    readonly lease?: NonNullable<TaskStart["lease"]>;
  } {
    if (this.#exclusive === undefined) return {};
    const lease = this.#holder.lease(this.#exclusive.id);
    if (lease === undefined) return {};
    const times = this.timesOf(task);
    const guarded = times === undefined ? {} : { lease: { ...times, killSignal: task.killSignal } };
    return { fence: fenceText(lease.fence), ...guarded };
  }

  /** Tells the driver of a task that runs that it may run on for longer. */
  async renew(name: string, { driver, handle }: RunningTask): Promise<void> {
    const spec = this.#exclusive?.group.tasks.find((task) => task.name === name);
    const times = spec === undefined ? undefined : this.timesOf(spec);
    if (times === undefined) return;
    try {
      await driver.renew?.(handle, times);
    } catch (error) {
      // It ended, or is being stopped for its lease, or the keeper is away: then it ends in time.
      this.#world.host.log("debug", "a lease was not renewed", { task: handle.key, error: String(error) });
    }
  }

  /** When the task has to end; undefined where it never has to (`on_silence: keep`). */
  timesOf({ killTimeoutMs }: Pick<TaskSpec, "killTimeoutMs">): TaskLease | undefined {
    const lease = this.#exclusive === undefined ? undefined : this.#holder.lease(this.#exclusive.id);
    if (lease === undefined || this.#exclusive?.group.exclusive?.onSilence !== "stop") return undefined;
    const killAtMs = Math.floor(lease.deadlineMs - LEASE_MARGIN_MS);
    return { stopAtMs: Math.max(0, killAtMs - killTimeoutMs), killAtMs };
  }
}
