import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Hash, Ledger, PeerError, type RegionId } from "../../../federation/index.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
  hashSnapshot,
  type LedgerSnapshot,
} from "../../../federation/ledger/snapshot.ts";
import { Historian } from "./model.ts";
import { allocationId, groupSpec, jobSpec, placement, REGION, Region, sha256 } from "./support.ts";

const RUNS = Number(process.env["LEDGER_RUNS"] ?? 150);
const HISTORY = { regionId: REGION, generation: 1 };

/** A small ledger with a row of each kind, some of them ended. */
function sample(): Ledger {
  const region = new Region();
  region.register(1);
  region.register(2);
  const ports = [{ label: "http" }];
  const spec = jobSpec("shop", { groups: [groupSpec({ count: 2, ports })] });
  const evaluation = region.admit("a", spec);
  const placements = [0, 1].map((n) => placement(n, 1, { index: n, ports: { http: 20_000 + n } }));
  region.ok(region.plan(evaluation, { placements }));
  region.report(allocationId(0), "failed", { message: "exit code 1" });
  region.admit("b", { ...spec, priority: 60 });
  region.admit("o", jobSpec("other", { type: "batch" }));
  const failed = region.admit("f", jobSpec("given-up"));
  region.ok(region.plan(failed, { outcome: "failed" }));
  const blocked = region.admit("w", jobSpec("blocked"));
  region.ok(region.plan(blocked, { outcome: "blocked", delayMs: 5 }));
  return region.ledger;
}

function damage(act: () => unknown): PeerError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error));
    return error;
  }
  return assert.fail("was not refused");
}

function restored(snapshot: LedgerSnapshot): Ledger {
  const ledger = new Ledger(HISTORY);
  ledger.restore(encodeSnapshot(snapshot));
  return ledger;
}

test("bytes become the same ledger, and the same bytes", () => {
  const ledger = sample();
  const bytes = ledger.encode();
  assert.deepEqual(decodeSnapshot(bytes), ledger.snapshot());
  const copy = new Ledger(HISTORY);
  copy.restore(bytes);
  assert.deepEqual(copy.encode(), bytes);
  assert.equal(copy.hash(sha256), ledger.hash(sha256));
  assert.equal(copy.index, ledger.index);
});

test("an empty ledger has a snapshot, too", () => {
  const ledger = new Ledger(HISTORY);
  ledger.restore(ledger.encode());
  assert.equal(ledger.index, 0);
});

test("restoring replaces all there was, or nothing", () => {
  const ledger = sample();
  const before = ledger.hash(sha256);
  const other = new Ledger({ ...HISTORY, regionId: "beef".repeat(16) as RegionId });
  assert.match(damage(() => ledger.restore(other.encode())).message, /is of region beef/);
  const later = new Ledger({ ...HISTORY, generation: 2 });
  assert.equal(damage(() => ledger.restore(later.encode())).code, "damaged");
  assert.equal(ledger.hash(sha256), before);
  const empty = new Ledger(HISTORY);
  ledger.restore(empty.encode());
  assert.equal(ledger.hash(sha256), empty.hash(sha256));
});

test("rows that contradict each other are damage", () => {
  const snapshot = sample().snapshot();
  const [node, ...nodes] = snapshot.nodes;
  const [job, ...jobs] = snapshot.jobs;
  const [evaluation, second] = snapshot.evaluations;
  const live = snapshot.allocations[1];
  assert.ok(node && job && evaluation && second && live);
  const elsewhere = { ...live, id: allocationId(7), index: 5 };
  const cases: Partial<LedgerSnapshot>[] = [
    { nodes: [node, node, ...nodes] },
    { nodes },
    { jobs: [job, job, ...jobs] },
    { jobs: [] },
    { jobs: [{ ...job, versions: [] }, ...jobs] },
    { jobs: [{ ...job, versions: job.versions.slice(1) }, ...jobs] },
    { allocations: [...snapshot.allocations, live] },
    { allocations: [...snapshot.allocations, elsewhere] },
    { allocations: [...snapshot.allocations, { ...live, id: allocationId(7), ports: { http: 20_003 } }] },
    { evaluations: [...snapshot.evaluations, evaluation] },
    { evaluations: [...snapshot.evaluations, { ...second, id: "another" as never }] },
    { evaluations: [{ ...evaluation, job: "nobody" as never }] },
  ];
  for (const changes of cases) {
    const error = damage(() => restored({ ...snapshot, ...changes }));
    assert.match(error.message, /contradicts itself/, JSON.stringify(Object.keys(changes)));
  }
  assert.doesNotThrow(() => restored(snapshot));
});

test("each part that decides is in the hash", () => {
  const snapshot = sample().snapshot();
  const hashes = new Set<Hash>();
  const add = (changes: Partial<LedgerSnapshot>) =>
    hashes.add(hashSnapshot({ ...snapshot, ...changes }, sha256));
  const [node, ...nodes] = snapshot.nodes;
  assert.ok(node);
  add({});
  add({ index: snapshot.index + 1 });
  add({ generation: 2 });
  add({ nodes: [{ ...node, grownAt: node.grownAt + 1 }, ...nodes] });
  add({ allocations: snapshot.allocations.toReversed() });
  add({ evaluations: snapshot.evaluations.toReversed() });
  add({ jobs: snapshot.jobs.slice(1) });
  assert.equal(hashes.size, 7);
});

test("a snapshot that was cut, or is of a newer format, is refused", () => {
  const text = new TextDecoder().decode(sample().encode());
  const bytes = (changed: string) => new TextEncoder().encode(changed);
  const lines = text.split("\n");
  const cases: readonly [string, string][] = [
    ["", "damaged"],
    ["\n", "damaged"],
    [text.slice(0, -1), "damaged"],
    [lines.slice(0, -2).join("\n").concat("\n"), "damaged"],
    [`${text}${lines[1]}\n`, "damaged"],
    [lines.slice(1).join("\n"), "damaged"],
    [text.replace('"v":1', '"v":2'), "not_supported"],
    [text.replace('"kind":"node"', '"kind":"moon"'), "damaged"],
    [text.replace('"kind":"job"', '"kind":"version"'), "damaged"],
  ];
  for (const [changed, code] of cases) {
    assert.notEqual(changed, text);
    assert.equal(damage(() => new Ledger(HISTORY).restore(bytes(changed))).code, code, changed.slice(0, 100));
  }
});

test("a ledger of many blocks reads back", () => {
  const snapshot = sample().snapshot();
  const [ended] = snapshot.allocations;
  assert.ok(ended);
  const allocations = Array.from({ length: 2_000 }, (_, n) => ({ ...ended, id: allocationId(n) }));
  const many = { ...snapshot, allocations, evaluations: [], jobs: snapshot.jobs };
  assert.deepEqual(restored(many).snapshot(), many);
});

test("fuzz: damaged snapshots are refused, or are a whole ledger", () => {
  const encoded = sample().encode();
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(edits, fc.nat(), (changes, cut) => {
      const bytes = Uint8Array.from(encoded);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const ledger = new Ledger(HISTORY);
      try {
        ledger.restore(cut % 4 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
      } catch (error) {
        assert.ok(error instanceof PeerError, String(error));
        return;
      }
      const copy = new Ledger(HISTORY);
      copy.restore(ledger.encode());
      assert.equal(copy.hash(sha256), ledger.hash(sha256));
    }),
    { numRuns: RUNS * 10 },
  );
});

test("property: ledgers of random histories read back equal", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 600, size: "max" }), (draws) => {
      const ledger = new Ledger(HISTORY);
      const historian = new Historian(ledger, draws);
      while (!historian.isOver) {
        const command = historian.next(1_000);
        if (command !== undefined) ledger.apply(ledger.index + 1, command);
      }
      const copy = restored(ledger.snapshot());
      assert.deepEqual(copy.snapshot(), ledger.snapshot());
      assert.equal(copy.hash(sha256), ledger.hash(sha256));
    }),
    { numRuns: RUNS },
  );
});
