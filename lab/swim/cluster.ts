/**
 * Many members of SWIM on virtual time, from one seed: for its properties and its figures. Only the network
 * and the machines are simulated; the members run the production core, and every message its codec.
 */
import {
  type NodeId,
  type Random,
  SWIM_LIMITS,
  Swim,
  type SwimLimits,
  type SwimNotice,
  seededRandom,
} from "../../federation/index.ts";
import { EventHeap } from "../time/event-heap.ts";

export interface ClusterOptions {
  readonly members: number;
  readonly seed: string;
  readonly limits?: SwimLimits;
  /** Shortest and longest way of a message. */
  readonly latencyMs?: readonly [number, number];
}

export interface Observed {
  readonly atMs: number;
  readonly by: number;
  readonly change: SwimNotice["change"];
  readonly subject: NodeId;
}

interface Machine {
  readonly id: NodeId;
  readonly index: number;
  swim: Swim;
  start: number;
  isUp: boolean;
  keeperAnswers: boolean;
  pausedUntilMs: number;
  /** The time that its timer is set to. */
  timerMs: number;
}

const GROUP = 0x7337;
/** A connection that nobody answers: as long as a keeper probe waits. */
const KEEPER_TIMEOUT_MS = 300;

export class SwimCluster {
  readonly #events = new EventHeap();
  readonly #random: Random;
  readonly #limits: SwimLimits;
  readonly #latencyMs: readonly [number, number];
  readonly #machines: Machine[] = [];
  readonly #byId = new Map<NodeId, Machine>();
  readonly #closed = new Set<string>();
  /** Set for a partition: which side each is on; sides do not hear each other, links stay open. */
  #sideOf: ((index: number) => number) | undefined;
  #loss = 0;
  nowMs = 0;
  observed: Observed[] = [];

  constructor({ latencyMs, limits, members, seed }: ClusterOptions) {
    this.#random = seededRandom(seed);
    this.#limits = limits ?? SWIM_LIMITS;
    this.#latencyMs = latencyMs ?? [0.2, 2];
    for (let index = 0; index < members; index += 1) {
      const id = `node-${String(index).padStart(5, "0")}` as NodeId;
      const swim = this.#newSwim(id, 1);
      const state = { start: 1, isUp: true, keeperAnswers: true, pausedUntilMs: 0 };
      const machine: Machine = { id, index, swim, ...state, timerMs: Number.POSITIVE_INFINITY };
      this.#machines.push(machine);
      this.#byId.set(id, machine);
    }
    for (const machine of this.#machines) this.#wake(machine);
  }

  get size(): number {
    return this.#machines.length;
  }

  core(index: number): Swim {
    return this.#machine(index).swim;
  }

  idOf(index: number): NodeId {
    return this.#machine(index).id;
  }

  /** Share of messages that get lost, from 0 to 1. */
  setLoss(share: number): void {
    this.#loss = share;
  }

  /** Messages between sides are lost from now on; undefined heals. */
  partition(sideOf: ((index: number) => number) | undefined): void {
    this.#sideOf = sideOf;
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.#events.nextMs <= endMs) {
      this.nowMs = this.#events.nextMs;
      this.#events.take()?.();
    }
    this.nowMs = endMs;
  }

  /**
   * The peer ends. `resets`: its links close at the others (power loss closes none). `keeperAnswers`: only
   * the peer died, not the machine.
   */
  kill(index: number, how: { readonly resets: boolean; readonly keeperAnswers: boolean }): void {
    const machine = this.#machine(index);
    machine.isUp = false;
    machine.keeperAnswers = how.keeperAnswers;
    if (!how.resets) return;
    for (const other of this.#machines) if (other !== machine) this.setLink(index, other.index, false);
  }

  restart(index: number): void {
    const machine = this.#machine(index);
    machine.isUp = true;
    machine.keeperAnswers = true;
    machine.start += 1;
    machine.swim = this.#newSwim(machine.id, machine.start);
    for (const other of this.#machines) {
      if (other === machine) continue;
      this.setLink(index, other.index, false);
      this.setLink(index, other.index, true);
    }
    this.#wake(machine);
  }

  /** Held up: it neither reads nor reacts until the time is over. */
  pause(index: number, durationMs: number): void {
    this.#machine(index).pausedUntilMs = this.nowMs + durationMs;
  }

  setLink(one: number, other: number, isOpen: boolean): void {
    if (isOpen) this.#closed.delete(pairOf(one, other));
    else this.#closed.add(pairOf(one, other));
    const [shortest, longest] = this.#latencyMs;
    // A link that closes and comes up again is seen in this order.
    const delayMs = isOpen ? longest + shortest : shortest;
    for (const [here, there] of [[one, other] as const, [other, one] as const]) {
      const peer = this.#machine(there).id;
      this.#at(this.#machine(here), delayMs, (swim) => {
        if (isOpen) swim.linkOpened(this.nowMs, peer);
        else swim.linkClosed(this.nowMs, peer);
      });
    }
  }

  /** Something done to a member, with what comes of it. */
  act(index: number, action: (swim: Swim, nowMs: number) => void): void {
    this.#at(this.#machine(index), 0, (swim) => action(swim, this.nowMs));
  }

  #newSwim(self: NodeId, start: number): Swim {
    const random = this.#random.fork(`${self}/${start}`);
    const meta = new TextEncoder().encode("role=peer;keeper=7339");
    return new Swim({
      ...{ self, start, group: GROUP, meta, random },
      limits: this.#limits,
      nowMs: this.nowMs,
    });
  }

  /** It learns of the members and of its links. */
  #wake(machine: Machine): void {
    const all = this.#machines.map(({ id }) => id);
    this.#at(machine, 0, (swim) => {
      swim.setMembers(this.nowMs, all);
      for (const other of this.#machines) {
        if (other !== machine && other.isUp && machine.start === 1) swim.linkOpened(this.nowMs, other.id);
      }
    });
  }

  #at(machine: Machine, delayMs: number, input: (swim: Swim) => void): void {
    const { start } = machine;
    const run = () => {
      if (!machine.isUp || machine.start !== start) return;
      if (machine.pausedUntilMs > this.nowMs) {
        this.#events.add(machine.pausedUntilMs, run);
        return;
      }
      input(machine.swim);
      this.#settle(machine);
    };
    this.#events.add(this.nowMs + delayMs, run);
  }

  #settle(machine: Machine): void {
    const { keeperQuestions, messages, notices } = machine.swim.drain();
    for (const { data, to } of messages) this.#deliver(machine, to, data);
    for (const peer of keeperQuestions) this.#askKeeper(machine, peer);
    for (const { change, member } of notices) {
      this.observed.push({ atMs: this.nowMs, by: machine.index, change, subject: member.id });
    }
    const { dueMs } = machine.swim;
    if (dueMs >= machine.timerMs && machine.timerMs > this.nowMs) return;
    machine.timerMs = dueMs;
    this.#at(machine, Math.max(0, dueMs - this.nowMs), (swim) => {
      if (machine.timerMs > this.nowMs) return;
      machine.timerMs = Number.POSITIVE_INFINITY;
      if (swim.dueMs <= this.nowMs) swim.tick(this.nowMs);
    });
  }

  #deliver(from: Machine, to: NodeId, data: Uint8Array): void {
    const machine = this.#byId.get(to);
    if (machine === undefined || this.#random.next() < this.#loss) return;
    if (this.#sideOf !== undefined && this.#sideOf(from.index) !== this.#sideOf(machine.index)) return;
    const pair = pairOf(from.index, machine.index);
    if (this.#closed.has(pair)) return;
    this.#at(machine, this.#delayMs(), (swim) => swim.receive(this.nowMs, from.id, data));
  }

  #askKeeper(asker: Machine, peer: NodeId): void {
    const { index, isUp, keeperAnswers } = this.#machine(this.#indexOf(peer));
    const isCut = this.#sideOf !== undefined && this.#sideOf(asker.index) !== this.#sideOf(index);
    const answers = !isCut && (isUp || keeperAnswers);
    const delayMs = isCut ? KEEPER_TIMEOUT_MS : 2 * this.#delayMs();
    this.#at(asker, delayMs, (swim) => swim.keeperAnswered(this.nowMs, peer, answers));
  }

  #delayMs(): number {
    const [shortest, longest] = this.#latencyMs;
    return shortest + this.#random.next() * (longest - shortest);
  }

  #machine(index: number): Machine {
    const machine = this.#machines[index];
    if (machine === undefined) throw new RangeError(`there is no member ${index}`);
    return machine;
  }

  #indexOf(id: NodeId): number {
    return this.#byId.get(id)?.index ?? -1;
  }
}

function pairOf(one: number, other: number): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
