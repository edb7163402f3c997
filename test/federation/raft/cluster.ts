/** Some servers and a network without faults of its own, for tests that tell a story step by step. */
import assert from "node:assert/strict";
import { RAFT_LIMITS, type RaftLimits } from "../../../federation/raft/limits.ts";
import type { RaftMessage } from "../../../federation/raft/message.ts";
import { bytes, configurationOf, type Envelope, Server, text } from "./server.ts";

const ROUNDS_MAX = 1000;

export class Cluster {
  readonly servers = new Map<string, Server>();
  /** Messages that this says true to are lost. */
  isLost: (message: RaftMessage) => boolean = () => false;
  /** Every message that was delivered. */
  readonly delivered: RaftMessage[] = [];
  readonly #limits: Partial<RaftLimits>;
  #down = new Set<string>();

  /** All voters, learners and spare servers know the first configuration but the spare ones. */
  constructor(
    voters: readonly string[],
    options: {
      readonly learners?: readonly string[];
      readonly spare?: readonly string[];
      readonly limits?: Partial<RaftLimits>;
    } = {},
  ) {
    this.#limits = options.limits ?? {};
    const configuration = configurationOf(voters, options.learners);
    for (const id of [...voters, ...(options.learners ?? [])]) this.#add(id, configuration);
    for (const id of options.spare ?? []) this.#add(id, configurationOf([]));
  }

  at(id: string): Server {
    const server = this.servers.get(id);
    assert.ok(server !== undefined, `there is no server ${id}`);
    return server;
  }

  get leader(): Server {
    const leaders = [...this.servers.values()].filter(({ id, isLeader }) => isLeader && !this.#down.has(id));
    leaders.sort((left, right) => right.status.term - left.status.term);
    assert.ok(leaders[0] !== undefined, "there is a leader");
    return leaders[0];
  }

  /** Delivers everything until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const sent: Envelope[] = [];
      for (const server of this.servers.values()) if (!this.#down.has(server.id)) sent.push(...server.run());
      if (sent.length === 0) return;
      for (const envelope of sent) this.deliver(envelope);
    }
    throw new Error("does not come to rest");
  }

  deliver(envelope: Envelope): void {
    const { message } = envelope;
    if (this.isLost(message) || this.#down.has(message.to) || this.#down.has(message.from)) return;
    this.delivered.push(message);
    this.servers.get(message.to)?.step(envelope);
  }

  /** Time passes on some servers, or on all that are up; everything is delivered after each tick. */
  tick(count: number, ...ids: string[]): void {
    for (let at = 0; at < count; at += 1) {
      for (const { id, raft } of this.servers.values()) {
        if (!this.#down.has(id) && (ids.length === 0 || ids.includes(id))) raft.tick();
      }
      this.settle();
    }
  }

  /** Lets `id` stand for election, and win; who led before hears of it only by messages. */
  elect(id: string): Server {
    const server = this.at(id);
    const others = [...this.servers.values()].filter((each) => each !== server && !each.isLeader);
    // Their lease runs out, and their own time does not come.
    if (others.length > 0) this.tick(RAFT_LIMITS.electionTicks, ...others.map((each) => each.id));
    this.tick(2 * RAFT_LIMITS.electionTicks, id);
    assert.equal(server.status.role, "leader", `${id} is elected`);
    return server;
  }

  propose(id: string, ...values: string[]): void {
    for (const value of values) assert.ok(this.at(id).raft.propose(bytes(value)).ok);
    this.settle();
  }

  change(id: string, voters: readonly string[], learners: readonly string[] = []): void {
    const changed = this.at(id).raft.change({ voters, learners });
    assert.ok(changed.ok, changed.ok ? "" : changed.error);
    this.settle();
  }

  /** Cuts the network between the groups; within each, and without arguments everywhere, it works. */
  partition(...groups: (readonly string[])[]): void {
    this.isLost = ({ from, to }) =>
      groups.length > 0 && !groups.some((group) => group.includes(from) && group.includes(to));
  }

  crash(id: string): void {
    this.at(id).crash();
    this.#down.add(id);
  }

  restart(id: string): void {
    this.#down.delete(id);
  }

  /** What the commands of clients have left at a server. */
  values(id: string): string[] {
    return this.at(id)
      .state.filter(({ data, kind }) => data.length > 0 && kind === undefined)
      .map(({ data }) => text(data));
  }

  #add(id: string, configuration: ReturnType<typeof configurationOf>): void {
    const random = { next: () => 0.95 };
    this.servers.set(id, new Server(id, configuration, { limits: this.#limits, random }));
  }
}
