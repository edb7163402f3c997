/** Counts and tags beside a job's versions: registers that converge without a clock (S3). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  checkEntry,
  countersign,
  type Entry,
  type EntryBodies,
  type Hash,
  type JobIntent,
  type JobVersionBody,
  jobIntent,
  jobRegisterContent,
  signEntry,
  versionId,
} from "../../../federation/index.ts";
import { chain, crypto, entryOf, JOB, peer, runBody, specOf, stopBody } from "./fixtures.ts";

const BASE = { namespace: "default", job: JOB, submittedAtMs: 1, submittedBy: "ada" } as const;
const blank = entryOf(stopBody());

function register<Kind extends "job.scale" | "job.tag">(kind: Kind, body: EntryBodies[Kind]): Entry<Kind> {
  const content = jobRegisterContent(kind, body, peer, chain);
  return { ...blank, kind, body: content.body };
}

function versionEntry(body: JobVersionBody): Entry {
  return { ...blank, body };
}

/** `count` undefined: the file leaves it out. */
function run(parents: readonly Hash[], count: number | undefined, mark = "a"): JobVersionBody {
  const spec = specOf(mark);
  const groups = spec.groups.map((group) => {
    if (count === undefined) return { ...group, count: 1, countByDefault: true as const };
    return { ...group, count };
  });
  return { ...runBody(parents, mark), spec: { ...spec, groups } };
}

/** What people do one after the other or, where they are cut off, side by side. */
class Desk {
  readonly entries: Entry[] = [];

  get intent(): JobIntent {
    return jobIntent(this.entries, crypto);
  }

  run(count: number | undefined, mark = "a"): void {
    this.entries.push(versionEntry(run(this.intent.heads, count, mark)));
  }

  stop(): void {
    this.entries.push(versionEntry(stopBody(this.intent.heads)));
  }

  scale(count: number): void {
    const { heads, scaleRegisters } = this.intent;
    const parents = scaleRegisters.get("web")?.heads ?? [];
    this.entries.push(register("job.scale", { ...BASE, group: "web", count, parents, versions: heads }));
  }

  copy(): Desk {
    const desk = new Desk();
    desk.entries.push(...this.entries);
    return desk;
  }

  /** All that both hold. */
  merged(other: Desk): Desk {
    const desk = this.copy();
    desk.entries.push(...other.entries);
    return desk;
  }

  /** What runs: the scaled count, or the version's. */
  get count(): number | undefined {
    const { scales, winner } = this.intent;
    return scales[0]?.count ?? winner?.spec?.groups[0]?.count;
  }
}

function desk(...steps: readonly ((desk: Desk) => void)[]): Desk {
  const made = new Desk();
  for (const step of steps) step(made);
  return made;
}

const file = (count: number | undefined, mark?: string) => (on: Desk) => on.run(count, mark);
const scale = (count: number) => (on: Desk) => on.scale(count);
const stop = (on: Desk) => on.stop();

describe("a scaled count", () => {
  test("holds while files say of the count what they said", () => {
    assert.equal(desk(file(3), scale(5)).count, 5);
    assert.equal(desk(file(3), scale(5), file(3, "b"), file(3, "c")).count, 5);
  });

  test("holds under files that leave the count out", () => {
    assert.equal(desk(file(undefined), scale(5), file(undefined, "b")).count, 5);
    assert.equal(desk(file(3), scale(5), file(undefined, "b")).count, 5);
  });

  test("ends for good with a file that changes the count", () => {
    assert.equal(desk(file(3), scale(5), file(4)).count, 4);
    assert.equal(desk(file(3), scale(5), file(4), file(3)).count, 3, "and does not come back");
    assert.equal(desk(file(3), scale(5), file(4), scale(7), file(4, "b")).count, 7);
    assert.equal(desk(file(undefined), scale(5), file(2)).count, 2, "the file takes it over");
  });

  test("ends with the job", () => {
    assert.equal(desk(file(3), scale(5), stop).count, undefined);
    assert.equal(desk(file(3), scale(5), stop, file(3)).count, 3);
  });

  test("side by side with an edit of something else is no conflict", () => {
    const start = desk(file(3));
    const [one, two] = [start.copy(), start.copy()];
    one.scale(5);
    two.run(3, "b");
    const both = one.merged(two);
    assert.equal(both.count, 5);
    assert.deepEqual(both.intent.conflicts, []);
    assert.equal(both.intent.winner?.spec?.meta["mark"], "b");
  });

  test("gives way to a file that changes the count side by side", () => {
    const start = desk(file(3));
    const [one, two] = [start.copy(), start.copy()];
    one.scale(5);
    two.run(4);
    assert.equal(one.merged(two).count, 4);
  });

  test("of two side by side the greater (depth, id) holds, and one that follows both settles it", () => {
    const start = desk(file(3));
    const [one, two] = [start.copy(), start.copy()];
    one.scale(5);
    two.scale(6);
    two.scale(7);
    const both = one.merged(two);
    assert.equal(both.count, 7, "the deeper one");
    const ids = both.intent.scaleRegisters.get("web")?.heads ?? [];
    assert.equal(ids.length, 2);
    both.scale(2);
    assert.equal(both.count, 2);
    assert.equal(both.intent.scaleRegisters.get("web")?.heads.length, 1);
  });

  test("waits for what it follows", () => {
    const whole = desk(file(3), scale(5), scale(6));
    const part = new Desk();
    part.entries.push(...whole.entries.filter((_, at) => at !== 1));
    assert.equal(part.count, 3);
  });

  test("of a group that is gone holds nothing", () => {
    const made = desk(file(3), scale(5));
    const body = run(made.intent.heads, 3);
    const groups = (body.spec?.groups ?? []).map((group) => ({ ...group, name: "other" }));
    made.entries.push(versionEntry({ ...body, spec: { ...specOf(), groups } }));
    assert.deepEqual(made.intent.scales, []);
  });
});

test("property: registers are the same in whatever order entries came, and however often", () => {
  const act = fc.oneof(
    fc.record({ desk: fc.nat(1), kind: fc.constant("scale" as const), count: fc.nat(4) }),
    fc.record({ desk: fc.nat(1), kind: fc.constantFrom("run" as const, "stop" as const), count: fc.nat(4) }),
    fc.record({ desk: fc.nat(1), kind: fc.constant("meet" as const), count: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), fc.nat(), (acts, seed) => {
      let desks: [Desk, Desk] = [desk(file(1)), desk(file(1))];
      for (const { count, desk: at, kind } of acts) {
        const on = desks[at] ?? desks[0];
        if (kind === "scale") on.scale(count);
        else if (kind === "run") on.run(count === 4 ? undefined : count, `m${count}`);
        else if (kind === "stop") on.stop();
        else desks = [desks[0].merged(desks[1]), desks[1].merged(desks[0])];
      }
      const [one, two] = [desks[0].merged(desks[1]), desks[1].merged(desks[0])];
      const shuffled = new Desk();
      const order = (at: number) => (at * 7919 + seed) % 1013;
      const places = [...one.entries.keys()].sort((left, right) => order(left) - order(right));
      shuffled.entries.push(...places.flatMap((at) => one.entries[at] ?? []));
      for (const other of [two, shuffled]) {
        assert.deepEqual(other.intent.scales, one.intent.scales);
        assert.deepEqual(other.intent.scaleRegisters, one.intent.scaleRegisters);
        assert.equal(other.count, one.count);
      }
    }),
    { numRuns: 300 },
  );
});

describe("a tag", () => {
  const first = versionEntry(runBody());
  const version = versionId(runBody(), crypto);
  const tagged = register("job.tag", { ...BASE, name: "stable", version, parents: [] });

  test("names a version until it is taken away or given to another", () => {
    const set = jobIntent([first, tagged], crypto).tagRegisters.get("stable");
    assert.equal(set?.winner.body.version, version);
    const removed = register("job.tag", { ...BASE, name: "stable", parents: set?.heads ?? [] });
    const gone = jobIntent([first, removed, tagged], crypto).tagRegisters.get("stable");
    assert.deepEqual([gone?.winner.body.version, gone?.winner.depth], [undefined, 2]);
  });

  test("is an entry that all peers accept, and refuse where it is wrong", () => {
    const content = jobRegisterContent(
      "job.tag",
      { ...BASE, name: "stable", version, parents: [] },
      peer,
      chain,
    );
    const position = { viaIncarnation: "1-0011223344556677", viaSequence: 1 };
    const sign = (changes: object) =>
      countersign(signEntry({ ...content, body: { ...content.body, ...changes } }, peer), peer, position);
    assert.equal(checkEntry(sign({}), crypto), undefined);
    assert.equal(checkEntry(sign({ name: "42" }), crypto)?.path, "body.name");
    assert.equal(checkEntry(sign({ name: "a b" }), crypto)?.path, "body.name");
    assert.equal(checkEntry(sign({ description: "a\nb" }), crypto)?.path, "body.description");
    assert.equal(checkEntry(sign({ job: "other" }), crypto)?.path, "doc");
    assert.equal(
      checkEntry(sign({ parents: ["b".repeat(64), "a".repeat(64)] }), crypto)?.path,
      "body.parents",
    );
  });
});
