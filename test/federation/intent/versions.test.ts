import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Entry as AnyEntry,
  type Hash,
  InvariantError,
  type JobIntent,
  type JobVersionBody,
  jobIntent,
  versionId,
} from "../../../federation/index.ts";
import { crypto, entryOf, peer, runBody, stopBody } from "./fixtures.ts";

type Entry = AnyEntry<"job.version">;

/**
 * The graph is made of what counts: these tests leave the signatures out, and tell carriers apart by them.
 */
function carrier(body: JobVersionBody, signature = "a"): Entry {
  return { ...blank, body, viaSignature: signature };
}

const blank = entryOf(stopBody());

function idOf(entry: Entry): Hash {
  return versionId(entry.body, crypto);
}

/** What people would see; the graph's own methods left out. */
function view(intent: JobIntent) {
  const { includes: _includes, versions, ...rest } = intent;
  return { ...rest, versions: [...versions] };
}

/** One version a step: which earlier ones it follows, whether it stops, what it runs. */
interface Step {
  readonly parents: readonly number[];
  readonly stops: boolean;
  readonly mark: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  parents: fc.array(fc.nat(30), { maxLength: 3 }),
  stops: fc.boolean(),
  mark: fc.constantFrom("a", "b", "c"),
});

function grow(steps: readonly Step[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const { parents, stops, mark } of steps) {
    const known = entries.length === 0 ? [] : parents.map((at) => entries[at % entries.length] as Entry);
    const ids = [...new Set(known.map(idOf))];
    entries.push(carrier(stops ? stopBody(ids) : runBody(ids, mark)));
  }
  return entries;
}

const history = fc.array(step, { minLength: 1, maxLength: 12 }).map(grow);
/** A history and the same in another order. */
const shuffled = history.chain((entries) =>
  fc.tuple(
    fc.constant(entries),
    fc.shuffledSubarray([...entries], { minLength: entries.length, maxLength: entries.length }),
  ),
);
const histories = { numRuns: 200 };

test("a version's id is of what is asked for, not of who asked, when, or through whom", () => {
  const body = runBody();
  const id = versionId(body, crypto);
  assert.equal(versionId({ ...body, submittedAtMs: 1, submittedBy: "someone else" }, crypto), id);
  assert.equal(versionId(structuredClone(body), crypto), id);
  const others: readonly JobVersionBody[] = [
    runBody([], "b"),
    runBody([id]),
    stopBody(),
    { ...body, namespace: "other" },
    { ...body, job: "other" as JobVersionBody["job"] },
  ];
  assert.equal(new Set([id, ...others.map((other) => versionId(other, crypto))]).size, 6);
});

test("intent: is the same for every order of arrival", () => {
  fc.assert(
    fc.property(shuffled, ([entries, other]) => {
      assert.deepEqual(view(jobIntent(other, crypto)), view(jobIntent(entries, crypto)));
    }),
    histories,
  );
});

test("intent: is the same with entries there twice, and with a retry through another peer", () => {
  fc.assert(
    fc.property(history, fc.nat(), (entries, which) => {
      const intent = jobIntent(entries, crypto);
      assert.deepEqual(view(jobIntent([...entries, ...entries], crypto)), view(intent));
      const tried = entries[which % entries.length] as Entry;
      const again = carrier({ ...tried.body, submittedAtMs: tried.body.submittedAtMs + 5000 }, "b");
      assert.deepEqual(view(jobIntent([again, ...entries], crypto)), view(intent));
    }),
    histories,
  );
});

test("intent: of two merged sets is that of all entries, whichever side merges", () => {
  const split = fc.tuple(history, fc.array(fc.constantFrom("left", "right", "both")));
  fc.assert(
    fc.property(split, ([entries, sides]) => {
      const left = entries.filter((_, at) => sides[at] !== "right");
      const right = entries.filter((_, at) => sides[at] === "right" || sides[at] === "both");
      const whole = view(jobIntent(entries, crypto));
      assert.deepEqual(view(jobIntent([...left, ...right], crypto)), whole);
      assert.deepEqual(view(jobIntent([...right, ...left], crypto)), whole);
    }),
    histories,
  );
});

test("intent: agrees with a slow reading of the rules", () => {
  fc.assert(
    fc.property(shuffled, fc.array(fc.boolean()), ([, entries], arrived) => {
      const there = entries.filter((_, at) => arrived[at] ?? true);
      const intent = jobIntent(there, crypto);
      const model = slowly(there);
      assert.deepEqual(
        new Map([...intent.versions].map(([id, { depth }]) => [id, depth])),
        model.depths,
        "depths",
      );
      assert.deepEqual(intent.heads, model.heads);
      assert.deepEqual(intent.waiting, model.waiting);
      assert.equal(intent.winner?.id, model.winner);
      for (const descendant of model.all)
        for (const ancestor of model.all)
          assert.equal(intent.includes(descendant, ancestor), model.includes(descendant, ancestor));
    }),
    histories,
  );
});

test("intent: once stopped, stays so under anything concurrent, until all heads are followed", () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(30), { maxLength: 3 }), (entries, parents) => {
      const intent = jobIntent(entries, crypto);
      fc.pre(intent.stopped);
      const stops = intent.heads.filter((id) => intent.versions.get(id)?.operation === "stop");
      const known = [...new Set(parents.map((at) => idOf(entries[at % entries.length] as Entry)))];
      const edit = carrier(runBody(known, "edit"));
      const after = jobIntent([...entries, edit], crypto);
      const settled = stops.every((stop) => after.includes(idOf(edit), stop));
      assert.equal(after.stopped, !settled);
      if (!settled) assert.ok(after.conflicts.some(({ id }) => id === idOf(edit)));
      const restart = carrier(runBody(intent.heads, "restart"));
      const restarted = jobIntent([...entries, restart], crypto);
      assert.equal(restarted.stopped, false);
      assert.equal(restarted.winner?.id, idOf(restart));
      assert.deepEqual(restarted.conflicts, []);
    }),
    histories,
  );
});

test("intent: a plain history: each version follows the one before", () => {
  const first = carrier(runBody());
  const second = carrier(runBody([idOf(first)], "b"));
  const stop = carrier(stopBody([idOf(second)]));
  const started = jobIntent([first, second], crypto);
  assert.deepEqual(started.heads, [idOf(second)]);
  assert.deepEqual(started.winner?.spec?.meta, { mark: "b" });
  assert.equal(started.stopped, false);
  const stopped = jobIntent([first, second, stop], crypto);
  assert.equal(stopped.stopped, true);
  assert.equal(stopped.winner?.spec, undefined);
  assert.equal(stopped.winner?.depth, 3);
  assert.deepEqual(
    [...stopped.versions.values()].map(({ depth }) => depth),
    [1, 2, 3],
  );
});

test("intent: of two edits of one version the deeper side wins, and the other is shown", () => {
  const base = carrier(runBody());
  const left = carrier(runBody([idOf(base)], "left"));
  const right = carrier(runBody([idOf(base)], "right"));
  const rightAgain = carrier(runBody([idOf(right)], "right again"));
  const tie = jobIntent([base, left, right], crypto);
  const [low, high] = [idOf(left), idOf(right)].sort();
  assert.equal(tie.winner?.id, high);
  assert.deepEqual(
    tie.conflicts.map(({ id }) => id),
    [low],
  );
  const deeper = jobIntent([base, left, right, rightAgain], crypto);
  assert.equal(deeper.winner?.id, idOf(rightAgain));
  assert.deepEqual(
    deeper.conflicts.map(({ id }) => id),
    [idOf(left)],
  );
});

test("intent: two heads that ask for the same are no conflict", () => {
  const base = carrier(runBody());
  const detour = carrier(runBody([idOf(base)], "b"));
  const direct = carrier(runBody([idOf(base)], "c"));
  const back = carrier(runBody([idOf(detour)], "c"));
  const intent = jobIntent([base, detour, direct, back], crypto);
  assert.equal(intent.heads.length, 2);
  assert.deepEqual(intent.conflicts, []);
});

test("intent: a version waits for its ancestors and takes part once they are there", () => {
  const base = carrier(runBody());
  const missing = carrier(runBody([idOf(base)], "b"));
  const late = carrier(stopBody([idOf(missing)]));
  const before = jobIntent([base, late], crypto);
  assert.deepEqual(before.waiting, [idOf(late)]);
  assert.equal(before.stopped, false);
  assert.equal(before.winner?.id, idOf(base));
  const after = jobIntent([base, late, missing], crypto);
  assert.deepEqual(after.waiting, []);
  assert.equal(after.stopped, true);
  const nothing = jobIntent([late], crypto);
  assert.equal(nothing.winner, undefined);
  assert.deepEqual(nothing.heads, []);
});

test("intent: shows who asked first, by stamp", () => {
  const body = runBody();
  const early = carrier({ ...body, submittedAtMs: 5, submittedBy: "early" }, "b");
  const late = carrier({ ...body, submittedAtMs: 9, submittedBy: "late" }, "a");
  assert.equal(jobIntent([late, early], crypto).winner?.submittedBy, "early");
  assert.equal(jobIntent([late, early], crypto).winner?.author, peer.publicKey);
});

test("intent: of no entries is empty; entries of two jobs are a bug", () => {
  assert.deepEqual(jobIntent([], crypto).conflicts, []);
  const other = { ...carrier(runBody()), doc: "job/default/other" };
  assert.throws(() => jobIntent([carrier(runBody()), other], crypto), InvariantError);
});

test("intent: a long history is no problem", () => {
  const entries: Entry[] = [carrier(runBody())];
  for (let at = 0; at < 5000; at++) entries.push(carrier(stopBody([idOf(entries[at] as Entry)])));
  const intent = jobIntent(entries.toReversed(), crypto);
  assert.equal(intent.winner?.depth, 5001);
  assert.equal(intent.includes(intent.heads[0] as Hash, idOf(entries[0] as Entry)), true);
});

/** Definitions instead of algorithms. */
function slowly(entries: readonly Entry[]) {
  const bodies = new Map(entries.map((entry) => [idOf(entry), entry.body]));
  const isWhole = (id: Hash): boolean => bodies.get(id)?.parents.every(isWhole) ?? false;
  const all = [...bodies.keys()].filter(isWhole);
  const depth = (id: Hash): number => 1 + Math.max(0, ...(bodies.get(id)?.parents.map(depth) ?? []));
  const includes = (descendant: Hash, ancestor: Hash): boolean =>
    descendant === ancestor ||
    (bodies.get(descendant)?.parents.some((parent) => includes(parent, ancestor)) ?? false);
  const heads = all.filter((id) => all.every((other) => other === id || !includes(other, id))).sort();
  const stops = heads.filter((id) => bodies.get(id)?.operation === "stop");
  const candidates = stops.length > 0 ? stops : heads;
  const winner = candidates.toSorted((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1)).at(-1);
  return {
    all,
    depths: new Map(all.map((id) => [id, depth(id)])),
    heads,
    waiting: [...bodies.keys()].filter((id) => !all.includes(id)).sort(),
    winner,
    includes,
  };
}
