/**
 * Golden transcripts of the core. `REWRITE_TRANSCRIPTS=1` writes them anew: commit the changes only if you
 * understand what caused them.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RAFT_LIMITS, Raft } from "../../../federation/raft/core.ts";
import { describeReady, describeStatus } from "../../../federation/raft/describe.ts";
import type { HardState, RaftEntry, RaftStart, Ready } from "../../../federation/raft/ready.ts";
import { formatTranscript, parseTranscript } from "./transcript.ts";

const FOLDER = join(import.meta.dirname, "transcripts");
const ROUNDS_MAX = 100;

/** A core with a disk that keeps exactly what `persist` was told. */
class Stage {
  #start: RaftStart | undefined;
  #limits = RAFT_LIMITS;
  #raft: Raft | undefined;
  #ready: Ready | undefined;

  run(command: string): string {
    const [verb = "", ...words] = command.split(" ");
    const argument = words.join(" ");
    try {
      return this.#run(verb, argument);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return `${error.name}: ${error.message}`;
    }
  }

  #run(verb: string, argument: string): string {
    switch (verb) {
      case "start":
        this.#start = parseStart(argument);
        this.#limits = { ...RAFT_LIMITS, ...parseLimits(argument) };
        return this.#restart();
      case "crash":
        return this.#restart();
      case "tick":
        this.#core().tick();
        return describeStatus(this.#core().status());
      case "propose": {
        const result = this.#core().propose(new TextEncoder().encode(argument));
        return result.ok
          ? `accepted at ${result.value.term}/${result.value.index}`
          : `refused: ${result.error}`;
      }
      case "ready":
        this.#ready = this.#core().ready();
        return this.#ready === undefined ? "nothing" : describeReady(this.#ready);
      case "persist":
        return this.#persist();
      case "advance":
        if (this.#ready !== undefined) this.#core().advance(this.#ready);
        this.#ready = undefined;
        return describeStatus(this.#core().status());
      case "stabilize":
        return this.#stabilize();
      case "forget":
        this.#core().forget(Number(argument));
        return "done";
      case "status":
        return describeStatus(this.#core().status());
      default:
        throw new Error(`unknown command ${verb}`);
    }
  }

  #core(): Raft {
    assert.ok(this.#raft !== undefined, "start first");
    return this.#raft;
  }

  #restart(): string {
    assert.ok(this.#start !== undefined, "start first");
    this.#ready = undefined;
    this.#raft = undefined;
    this.#raft = new Raft(this.#start, this.#limits);
    return describeStatus(this.#raft.status());
  }

  #persist(): string {
    assert.ok(this.#ready !== undefined && this.#start !== undefined, "ready first");
    const { entries, hardState } = this.#ready;
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
    const kept = this.#start.entries.filter((entry) => entry.index < first);
    this.#start = {
      ...this.#start,
      entries: [...kept, ...entries],
      hardState: hardState ?? this.#start.hardState,
    };
    return "durable";
  }

  #stabilize(): string {
    const lines: string[] = [];
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      this.#ready = this.#core().ready();
      if (this.#ready === undefined) return [...lines, describeStatus(this.#core().status())].join("\n");
      lines.push(describeReady(this.#ready));
      this.#persist();
      this.#core().advance(this.#ready);
    }
    throw new Error("does not come to rest");
  }
}

function fields(text: string): Map<string, string> {
  return new Map(text.split(" ").map((word) => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]));
}

/** `1/2` as term and index. */
function position(text: string | undefined): [number, number] {
  const [term = 0, index = 0] = (text ?? "0/0").split("/").map(Number);
  return [term, index];
}

function parseEntry(text: string): RaftEntry {
  const [place, data = ""] = text.split(":");
  const [term, index] = position(place);
  return { term, index, data: new TextEncoder().encode(data) };
}

/**
 * `self=n1 voters=n1,n2 term=1 vote=n1 commit=0 snapshot=1/2 entries=1/3:a,1/4:b`, all but self and voters
 * optional.
 */
function parseStart(text: string): RaftStart {
  const given = fields(text);
  const [snapshotTerm, snapshotIndex] = position(given.get("snapshot"));
  const hardState: HardState = {
    term: Number(given.get("term") ?? 0),
    vote: given.get("vote") ?? "",
    commit: Number(given.get("commit") ?? 0),
  };
  const list = (name: string) => (given.get(name) ?? "").split(",").filter((each) => each !== "");
  return {
    self: given.get("self") ?? "",
    voters: list("voters"),
    hardState,
    entries: list("entries").map(parseEntry),
    snapshotIndex,
    snapshotTerm,
  };
}

function parseLimits(text: string) {
  const given = fields(text);
  const uncommittedBytes = given.get("uncommitted");
  const readyBytes = given.get("readyBytes");
  return {
    ...(uncommittedBytes !== undefined && { uncommittedBytes: Number(uncommittedBytes) }),
    ...(readyBytes !== undefined && { readyBytes: Number(readyBytes) }),
  };
}

for (const name of readdirSync(FOLDER)) {
  test(`transcript ${name}`, () => {
    const path = join(FOLDER, name);
    const stage = new Stage();
    const text = readFileSync(path, "utf8");
    const steps = parseTranscript(text).map((step) => ({ ...step, expected: stage.run(step.command) }));
    assert.ok(steps.length > 0);
    if (process.env["REWRITE_TRANSCRIPTS"] === "1") writeFileSync(path, formatTranscript(steps));
    else assert.equal(formatTranscript(steps), text);
  });
}
