/** What the commands of a transcript do: cores of one group, their disks, and a network that waits to be told. */
import assert from "node:assert/strict";
import { describeMessage, describeReady, describeStatus } from "../../../federation/raft/describe.ts";
import { RAFT_LIMITS, type RaftLimits } from "../../../federation/raft/limits.ts";
import type { HardState, RaftEntry } from "../../../federation/raft/ready.ts";
import { bytes, configurationOf, type Envelope, Server } from "./server.ts";

const ROUNDS_MAX = 200;

export class Stage {
  readonly #servers = new Map<string, Server>();
  /** Sent and not delivered. */
  #wire: Envelope[] = [];
  #current = "";

  /** `n2: tick 3` is for n2; without a name it is for the server started last. */
  run(command: string): string {
    const [, name = this.#current, rest = ""] = /^(?:(n\d+): )?(.*)$/s.exec(command) ?? [];
    const [verb = "", ...words] = rest.split(" ");
    try {
      return this.#run(name, verb, words.join(" "));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return `${error.name}: ${error.message}`;
    }
  }

  #run(name: string, verb: string, argument: string): string {
    switch (verb) {
      case "start":
        return this.#start(argument);
      case "deliver":
        return this.#deliver(argument);
      case "drop":
        return this.#take(argument).map(describe("lost")).join("\n") || "nothing";
      case "settle":
        return this.#settle();
      default:
        return this.#command(this.#server(name), verb, argument);
    }
  }

  #command(server: Server, verb: string, argument: string): string {
    const { raft } = server;
    switch (verb) {
      case "crash":
        server.crash();
        return describeStatus(server.status);
      case "tick":
        for (let count = 0; count < Number(argument || "1"); count += 1) raft.tick();
        return describeStatus(server.status);
      case "propose": {
        const result = raft.propose(bytes(argument));
        return result.ok
          ? `accepted at ${result.value.term}/${result.value.index}`
          : `refused: ${result.error}`;
      }
      case "change": {
        const given = fields(argument);
        const result = raft.change({ voters: list(given, "voters"), learners: list(given, "learners") });
        return result.ok ? `begun at ${result.value.term}/${result.value.index}` : `refused: ${result.error}`;
      }
      case "transfer":
        return raft.transfer(argument) ? "begun" : "refused";
      case "read": {
        const result = raft.readIndex(Number(argument));
        return result.ok ? "asked" : `refused: ${result.error}`;
      }
      case "link-closed":
        raft.linkClosed(argument);
        return describeStatus(server.status);
      case "send":
        return this.#send(server.take());
      case "compact":
        server.compact();
        return "done";
      case "forget":
        raft.forget(Number(argument));
        return "done";
      case "status":
        return describeStatus(server.status);
      default:
        return this.#readyCommand(server, verb);
    }
  }

  #readyCommand(server: Server, verb: string): string {
    switch (verb) {
      case "ready": {
        // Asked twice, the core itself complains.
        const ready = server.outstanding === undefined ? server.begin() : server.raft.ready();
        return ready === undefined ? "nothing" : describeReady(ready);
      }
      case "persist":
        server.persist();
        return "durable";
      case "advance":
        if (server.outstanding !== undefined) this.#wire.push(...server.finish());
        return describeStatus(server.status);
      case "stabilize":
        return this.#stabilize(server);
      default:
        throw new Error(`unknown command ${verb}`);
    }
  }

  #server(name: string): Server {
    const server = this.#servers.get(name);
    assert.ok(server !== undefined, "start first");
    return server;
  }

  /**
   * `self=n1 voters=n1,n2 learners=n3 term=1 vote=n1 commit=0 snapshot=1/2 entries=1/3:a,1/4:b`, and limits by
   * their names; all but self optional.
   */
  #start(argument: string): string {
    const given = fields(argument);
    const [snapshotTerm, snapshotIndex] = position(given.get("snapshot"));
    const self = given.get("self") ?? "";
    const hardState: HardState = {
      term: Number(given.get("term") ?? 0),
      vote: given.get("vote") ?? "",
      commit: Number(given.get("commit") ?? 0),
    };
    const server = new Server(self, configurationOf(list(given, "voters"), list(given, "learners")), {
      limits: limitsIn(given),
      random: { next: () => 0 },
    });
    this.#current = self;
    this.#servers.set(self, server);
    server.load({
      hardState,
      entries: list(given, "entries").map(parseEntry),
      index: snapshotIndex,
      term: snapshotTerm,
    });
    return describeStatus(server.status);
  }

  #send(envelopes: readonly Envelope[]): string {
    this.#wire.push(...envelopes);
    return envelopes.map(describe("sent")).join("\n") || "nothing";
  }

  /** Takes from the wire what is for `n2`, what goes from `n1` by `n1->n2`, what is of a kind, or all. */
  #take(what: string): Envelope[] {
    const isMeant = ({ message: { from, kind, to } }: Envelope) =>
      what === "" || what === to || what === kind || what === `${from}->${to}`;
    const taken = this.#wire.filter(isMeant);
    this.#wire = this.#wire.filter((each) => !isMeant(each));
    return taken;
  }

  #deliver(what: string): string {
    const taken = this.#take(what);
    for (const envelope of taken) this.#servers.get(envelope.message.to)?.step(envelope);
    return taken.map(describe("delivered")).join("\n") || "nothing";
  }

  /** All Readies of one server. */
  #stabilize(server: Server): string {
    const lines: string[] = [];
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      this.#wire.push(...server.take());
      const ready = server.begin();
      if (ready === undefined) return [...lines, describeStatus(server.status)].join("\n");
      lines.push(describeReady(ready));
      this.#wire.push(...server.finish());
    }
    throw new Error("does not come to rest");
  }

  /** Runs all servers and delivers everything, until nothing is left; tells what each did. */
  #settle(): string {
    const lines: string[] = [];
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      for (const [name, server] of this.#servers) {
        this.#wire.push(...server.take());
        for (let ready = server.begin(); ready !== undefined; ready = server.begin()) {
          lines.push(`${name}: ${describeReady(ready)}`);
          this.#wire.push(...server.finish(), ...server.take());
        }
      }
      if (this.#wire.length === 0) {
        for (const [name, server] of this.#servers) lines.push(`${name}: ${describeStatus(server.status)}`);
        return lines.join("\n");
      }
      lines.push(this.#deliver(""));
    }
    throw new Error("does not come to rest");
  }
}

function describe(what: string): (envelope: Envelope) => string {
  return ({ message }) => `${what} ${describeMessage(message)}`;
}

function fields(text: string): Map<string, string> {
  return new Map(text.split(" ").map((word) => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
}

function list(given: ReadonlyMap<string, string>, name: string): string[] {
  return (given.get(name) ?? "").split(",").filter((each) => each !== "");
}

/** `1/2` as term and index. */
function position(text: string | undefined): [number, number] {
  const [term = 0, index = 0] = (text ?? "0/0").split("/").map(Number);
  return [term, index];
}

function parseEntry(text: string): RaftEntry {
  const [place, data = ""] = text.split(":");
  const [term, index] = position(place);
  return { term, index, data: bytes(data) };
}

function limitsIn(given: ReadonlyMap<string, string>): Partial<RaftLimits> {
  const names = Object.keys(RAFT_LIMITS).filter((name) => given.has(name));
  return Object.fromEntries(names.map((name) => [name, Number(given.get(name))]));
}
