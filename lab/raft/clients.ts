/**
 * Clients of the lab's groups: each asks for one thing at a time, from whichever peer it knows, and gives
 * up after a while. What they were told is the history that is judged in the end.
 */
import type { Cancel, RaftEntry, ReadState } from "../../federation/index.ts";
import type { Chance } from "../chance.ts";
import { History, type Operation } from "../checkers/history.ts";
import { type RegisterInput, type RegisterOutput, UNWRITTEN } from "../checkers/register.ts";
import type { Timeline } from "../time/timeline.ts";
import type { RaftPlan } from "./plan.ts";
import { type Command, encodeCommand } from "./registers.ts";
import type { Replica } from "./replica.ts";

type Asked = Operation<RegisterInput, RegisterOutput>;

interface Client {
  /** A new one after each question without an answer: that one may still be under way. */
  number: number;
  /** Whom it asks next. */
  peer: string;
  waitsFor: Waiting | undefined;
}

interface Waiting {
  readonly client: Client;
  readonly operation: Asked;
  readonly replica: Replica;
  readonly process: object | undefined;
  /** Of a write: where it must come to stand. */
  readonly index: number;
  readonly term: number;
  /** Of a read. */
  readonly context: number;
  readIndex: number;
  cancel: Cancel;
}

export interface ClientWorld {
  readonly timeline: Timeline;
  readonly plan: RaftPlan;
  readonly replicas: ReadonlyMap<string, Replica>;
  note(line: string): void;
}

export class Clients {
  readonly history = new History<RegisterInput, RegisterOutput>("register");
  answered = 0;
  readonly #world: ClientWorld;
  readonly #chance: Chance;
  readonly #clients: Client[];
  readonly #lately = new Map<string, string>();
  #isOver = false;
  #contexts = 0;
  #values = 0;

  constructor(world: ClientWorld, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    const names = [...world.replicas.keys()];
    this.#clients = Array.from({ length: world.plan.clients }, (_, number) => {
      return { number, peer: chance.pick(names), waitsFor: undefined };
    });
    for (const client of this.#clients) this.#thinkLater(client);
  }

  /** No more questions. */
  end(): void {
    this.#isOver = true;
  }

  /** A replica applied an entry: whoever waits for it there is told. */
  applied(replica: Replica, entry: RaftEntry, answer: string): void {
    for (const { waitsFor } of this.#clients) {
      if (waitsFor === undefined || waitsFor.replica !== replica) continue;
      if (waitsFor.index === entry.index) {
        // Another leader's entry stands there: this one never will.
        if (waitsFor.term !== entry.term) this.#drop(waitsFor);
        else if (waitsFor.operation.input.kind === "write") this.#answer(waitsFor, {});
        else this.#answer(waitsFor, { done: answer === "done" });
      } else if (waitsFor.readIndex > 0 && waitsFor.readIndex <= entry.index) {
        this.#read(waitsFor);
      }
    }
  }

  readable(replica: Replica, { context, index }: ReadState): void {
    const waiting = this.#clients.find(({ waitsFor }) => waitsFor?.context === context)?.waitsFor;
    if (waiting === undefined || waiting.replica !== replica || waiting.process !== replica.process) return;
    waiting.readIndex = index;
    if (replica.state.index >= index) this.#read(waiting);
  }

  #thinkLater(client: Client): void {
    this.#world.timeline.after(this.#chance.pause(this.#world.plan.thinkMs), () => {
      if (!this.#isOver) this.#ask(client);
    });
  }

  #ask(client: Client): void {
    const replica = this.#world.replicas.get(client.peer);
    if (
      replica === undefined ||
      !replica.isUp ||
      replica.process?.isPaused === true ||
      replica.clock.isSuspended
    ) {
      this.#moveOn(client);
      return;
    }
    const key = `k${this.#chance.below(this.#world.plan.keys)}`;
    const input = this.#drawInput(client, key);
    const operation = this.history.begin(client.number, key, input);
    const waiting = this.#hand(client, replica, operation);
    if (waiting === undefined) {
      this.history.drop(operation);
      this.#moveOn(client);
      return;
    }
    client.waitsFor = waiting;
    this.#world.note(`c${client.number} asks ${replica.id} ${describe(operation)}`);
    waiting.cancel = this.#world.timeline.after(this.#world.plan.patienceMs, () => this.#giveUp(waiting));
    replica.work();
  }

  #drawInput(client: Client, key: string): RegisterInput {
    const kind = this.#chance.weighted({ read: 5, write: 4, swap: 2 });
    if (kind === "read") return { kind };
    this.#values += 1;
    const value = `${client.number}.${this.#values}`;
    if (kind === "write") return { kind, value };
    // What somebody was told of it lately: else hardly any would be done.
    return { kind, from: this.#lately.get(key) ?? UNWRITTEN, value };
  }

  /** Undefined: it was refused, and never happened. */
  #hand(client: Client, replica: Replica, operation: Asked): Waiting | undefined {
    const { input, key } = operation;
    const waiting = {
      ...{ client, operation, replica, process: replica.process, readIndex: 0, cancel: () => undefined },
      ...{ index: 0, term: 0, context: 0 },
    };
    if (input.kind === "read") {
      this.#contexts += 1;
      const asked = replica.raft.readIndex(this.#contexts);
      return asked.ok ? { ...waiting, context: this.#contexts } : undefined;
    }
    const command: Command = { ...input, key };
    const proposed = replica.raft.propose(encodeCommand(command));
    return proposed.ok ? { ...waiting, ...proposed.value } : undefined;
  }

  #read(waiting: Waiting): void {
    this.#answer(waiting, { value: waiting.replica.state.registers.read(waiting.operation.key) });
  }

  #answer(waiting: Waiting, output: RegisterOutput): void {
    const { input, key } = waiting.operation;
    this.history.end(waiting.operation, output);
    if (input.kind === "write") this.#lately.set(key, input.value);
    if (output.value !== undefined) this.#lately.set(key, output.value);
    this.answered += 1;
    this.#world.note(`c${waiting.client.number} is told ${JSON.stringify(output)}`);
    this.#forget(waiting);
    this.#thinkLater(waiting.client);
  }

  #drop(waiting: Waiting): void {
    this.history.drop(waiting.operation);
    this.#forget(waiting);
    this.#moveOn(waiting.client);
  }

  #giveUp(waiting: Waiting): void {
    this.#world.note(`c${waiting.client.number} gives up`);
    if (waiting.operation.input.kind === "read") this.history.drop(waiting.operation);
    this.#forget(waiting);
    waiting.client.number += this.#clients.length;
    this.#moveOn(waiting.client);
  }

  #forget(waiting: Waiting): void {
    waiting.cancel();
    waiting.client.waitsFor = undefined;
  }

  /** It asks somebody else next: the leader that its peer knows, or anyone. */
  #moveOn(client: Client): void {
    const replica = this.#world.replicas.get(client.peer);
    const leader = replica?.isUp === true ? replica.raft.status().leader : "";
    const names = [...this.#world.replicas.keys()];
    client.peer = leader !== "" && this.#chance.in(0.8) ? leader : this.#chance.pick(names);
    this.#thinkLater(client);
  }
}

function describe({ input, key }: Asked): string {
  if (input.kind === "read") return `read ${key}`;
  return input.kind === "write" ? `write ${key}=${input.value}` : `swap ${key} ${input.from}>${input.value}`;
}
