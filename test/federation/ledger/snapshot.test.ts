import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, type Hash, Ledger, PeerError, type RegionId } from "../../../federation/index.ts";
import { encodeSnapshot, hashSnapshot, type LedgerSnapshot } from "../../../federation/ledger/snapshot.ts";
import { Historian } from "./model.ts";
import { allocationId, contentOf, groupSpec, jobSpec, placement, REGION, Region, sha256 } from "./support.ts";

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
  ledger.restore(encodeSnapshot(contentOf(snapshot)));
  return ledger;
}

test("bytes become the same ledger, and the same bytes", () => {
  const ledger = sample();
  const bytes = ledger.encode();
  const copy = new Ledger(HISTORY);
  copy.restore(bytes);
  assert.deepEqual(copy.snapshot(), ledger.snapshot());
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
    hashes.add(hashSnapshot(contentOf({ ...snapshot, ...changes }), sha256));
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

/** Frames of a snapshot, each as [kind, payload]. */
function framesOf(bytes: Uint8Array): [number, Uint8Array][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const frames: [number, Uint8Array][] = [];
  for (let at = 12; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    frames.push([bytes[at + 8] ?? 0, bytes.slice(at + 9, at + 9 + length)]);
    at += 9 + length;
  }
  return frames;
}

/** With checksums that are right, whatever the frames hold. */
function sealed(start: Uint8Array, frames: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const parts = frames.flatMap(([kind, payload]) => {
    const checked = Buffer.concat([Uint8Array.of(kind), payload]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(payload.length, 0);
    head.writeUInt32LE(crc32c(checked), 4);
    return [head, checked];
  });
  return new Uint8Array(Buffer.concat([start, ...parts]));
}

test("a snapshot that was cut, or is of another format, is refused", () => {
  const bytes = sample().encode();
  const start = bytes.slice(0, 12);
  const [header, lines, rows, ...rest] = framesOf(bytes);
  assert.ok(header && lines && rows && rest.length === 1);
  const edited = ([kind, payload]: [number, Uint8Array], from: string, to: string) => {
    const text = Buffer.from(payload).toString("latin1");
    assert.ok(text.includes(from), from);
    return [kind, new Uint8Array(Buffer.from(text.replace(from, to), "latin1"))] as const;
  };
  const later = bytes.slice();
  later[8] = 3;
  const flipped = bytes.slice();
  flipped[40] = (flipped[40] ?? 0) ^ 1;
  const cases: readonly [Uint8Array, string, RegExp][] = [
    [new Uint8Array(0), "damaged", /does not begin/],
    [Uint8Array.from(Buffer.from('{"format":"peer-ledger"}')), "not_supported", /version 1 .* only 2/],
    [later, "not_supported", /version 3/],
    [start, "damaged", /begin with its header/],
    [bytes.slice(0, -1), "damaged", /within a frame/],
    [flipped, "damaged", /checksum/],
    [sealed(start, [header, lines, rows]), "damaged", /are announced/],
    [sealed(start, [header, lines, ...rest]), "damaged", /are announced/],
    [sealed(start, [header, header, lines, rows, ...rest]), "damaged", /two headers/],
    [sealed(start, [header, lines, rows, [9, new Uint8Array(1)]]), "damaged", /frame of kind 9/],
    [
      sealed(start, [header, edited(lines, '"node"', '"moon"'), rows, ...rest]),
      "damaged",
      /kind is not known/,
    ],
    [sealed(start, [header, edited(lines, '"job"', '"version"'), rows, ...rest]), "damaged", /line \d+/],
    [sealed(start, [header, lines, [3, new Uint8Array(5)], ...rest]), "damaged", /too short/],
    [sealed(start, [header, lines, [3, rows[1].slice(4)], ...rest]), "damaged", /as long as it says/],
    [sealed(start, [header, lines, edited(rows, '"version":1', '"version":x'), ...rest]), "damaged", /JSON/],
    [
      sealed(start, [header, lines, edited(rows, '"group":"web"', '"group":"../"'), ...rest]),
      "damaged",
      /group must be/,
    ],
  ];
  for (const [changed, code, message] of cases) {
    const error = damage(() => new Ledger(HISTORY).restore(changed));
    assert.equal(error.code, code);
    assert.match(error.message, message);
  }
  assert.doesNotThrow(() => new Ledger(HISTORY).restore(sealed(start, [header, lines, rows, ...rest])));
});

test("fuzz: frames of allocations with right checksums are refused, or are a whole ledger", () => {
  const bytes = sample().encode();
  const [header, lines, rows, ...rest] = framesOf(bytes);
  assert.ok(header && lines && rows);
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 2 });
  let refused = 0;
  fc.assert(
    fc.property(edits, (changes) => {
      const payload = Uint8Array.from(rows[1]);
      for (const [at, value] of changes) payload[at % payload.length] = value;
      const ledger = new Ledger(HISTORY);
      try {
        ledger.restore(sealed(bytes.slice(0, 12), [header, lines, [3, payload], ...rest]));
      } catch (error) {
        assert.ok(error instanceof PeerError, String(error));
        refused += 1;
        return;
      }
      const copy = new Ledger(HISTORY);
      copy.restore(ledger.encode());
      assert.equal(copy.hash(sha256), ledger.hash(sha256));
      assert.deepEqual(copy.snapshot(), ledger.snapshot());
    }),
    { numRuns: RUNS * 20 },
  );
  assert.ok(refused > 0);
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
