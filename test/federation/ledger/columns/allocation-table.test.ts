/** The table in columns answers like a map of objects, and its bytes tell what is there and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  Allocation,
  AllocationId,
  EvaluationId,
  NodeId,
  TaskRecord,
} from "../../../../federation/index.ts";
import { isAllocationEnded } from "../../../../federation/index.ts";
import { AllocationTable } from "../../../../federation/ledger/columns/allocation-table.ts";
import { NONE } from "../../../../federation/ledger/columns/columns.ts";
import { TableDecoder } from "../../../../federation/ledger/frames/decoding.ts";
import { encodeAllocations } from "../../../../federation/ledger/frames/encoding.ts";
import { jobId, MIB, nodeId } from "../support.ts";

/** Two of three are UUIDs. */
function idOf(n: number): AllocationId {
  if (n % 3 === 0) return `alloc-${n}` as AllocationId;
  const hex = Math.imul(n + 1, 0x9e3779b1) >>> 0;
  const tail = (n * 7919).toString(16).padStart(12, "0");
  return `${hex.toString(16).padStart(8, "0")}-${n % 2 === 0 ? "ffff-ffff" : "0a0b-0000"}-8000-${tail}` as AllocationId;
}

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 });
/** Without the keys of what is undefined. */
function dense<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row;
}

const time = fc.oneof(
  fc.nat({ max: 2 ** 40 }),
  fc.double({ min: 0, max: 2 ** 45, noNaN: true }).map(Math.abs),
);
const taskRecord = fc
  .record({
    state: fc.constantFrom("pending", "running", "failed") as fc.Arbitrary<TaskRecord["state"]>,
    restarts: fc.nat(3),
    pid: optional(fc.oneof(fc.nat(), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 50))),
    exitCode: optional(fc.integer({ min: -1, max: 255 })),
    message: optional(fc.string({ maxLength: 8 })),
    startedAtMs: optional(time),
    finishedAtMs: optional(time),
  })
  .map(dense);
const tasks = fc.dictionary(fc.constantFrom("app", "side", "1", "log"), taskRecord, {
  maxKeys: 3,
  noNullPrototype: true,
});
const port = fc.integer({ min: 1, max: 65_535 });
const ports = fc.dictionary(fc.constantFrom("http", "admin", "dns", "7"), port, {
  maxKeys: 4,
  noNullPrototype: true,
});

/** What one step says of an allocation. */
const content = fc
  .record({
    status: fc.constantFrom<Allocation["status"]>(
      "pending",
      "starting",
      "running",
      "complete",
      "failed",
      "lost",
      "unknown",
    ),
    desired: fc.constantFrom<Allocation["desired"]>("run", "stop"),
    health: fc.constantFrom<Allocation["health"]>("none", "unknown", "healthy", "unhealthy"),
    rollout: optional(fc.constantFrom<"healthy" | "unhealthy">("healthy", "unhealthy")),
    tasks,
    message: optional(fc.string({ maxLength: 10 })),
    desiredReason: optional(fc.constantFrom("scaled down", "operator")),
    restartGeneration: fc.nat(2),
    restartTask: optional(fc.constant("app")),
    reschedules: fc.array(time, { maxLength: 3 }),
    previous: optional(fc.nat(30).map(idOf)),
    next: optional(fc.nat(30).map(idOf)),
    version: fc.integer({ min: 1, max: 3 }),
    modifyIndex: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    modifiedAtMs: time,
  })
  .map(dense);

const place = fc.record({
  job: fc.constantFrom("shop", "blog", "bank"),
  group: fc.constantFrom("web", "db"),
  index: fc.nat(4),
  node: fc.nat(3),
  ports,
  disk: fc.boolean(),
  evaluation: fc.nat(2),
});

interface Place {
  readonly job: string;
  readonly group: string;
  readonly index: number;
  readonly node: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly disk: boolean;
  readonly evaluation: number;
}

function rowOf(id: AllocationId, where: Place, createIndex: number, held: object): Allocation {
  return {
    id,
    namespace: "default",
    job: jobId(where.job),
    group: where.group,
    index: where.index,
    nodeId: nodeId(where.node),
    evaluation: `evaluation-${where.evaluation}` as EvaluationId,
    resources: { cpu: 100, memoryBytes: MIB, ...(where.disk ? { diskBytes: 5 } : {}) },
    ports: where.ports,
    createIndex,
    createdAtMs: 1_000 + createIndex,
    ...held,
  } as Allocation;
}

const step = fc.record({
  kind: fc.constantFrom("put", "put", "put", "change", "change", "forget"),
  n: fc.nat(60),
  place,
  content,
});

/** By the map. */
function liveIn(model: ReadonlyMap<string, Allocation>, where: Allocation): Allocation | undefined {
  return [...model.values()].find(
    (row) =>
      !isAllocationEnded(row.status) &&
      row.job === where.job &&
      row.group === where.group &&
      row.index === where.index,
  );
}

function readAll(table: AllocationTable): readonly Allocation[] {
  return Array.from(table.rows(), (row) => table.read(row));
}

function check(table: AllocationTable, model: ReadonlyMap<string, Allocation>): void {
  const rows = [...model.values()];
  assert.equal(table.size, rows.length);
  assert.deepEqual(readAll(table), rows);
  for (const row of rows) {
    assert.deepEqual(table.read(table.find(row.id)), row);
    const live = table.findLive(row);
    assert.equal(live === NONE ? undefined : table.id(live), liveIn(model, row)?.id);
    assert.deepEqual([...table.ports(table.find(row.id))].sort(), Object.values(row.ports).sort());
  }
  for (const job of ["shop", "blog", "bank"].map(jobId)) {
    const own: AllocationId[] = [];
    table.eachOfJob("default", job, (row) => own.push(table.id(row)));
    const expected = rows.filter((row) => row.job === job).map(({ id }) => id);
    assert.deepEqual(own, expected);
    assert.equal(table.hasJob("default", job), expected.length > 0);
  }
  for (const node of [0, 1, 2, 3].map(nodeId)) {
    const own: AllocationId[] = [];
    table.eachOfNode(node, (row) => own.push(table.id(row)));
    assert.deepEqual(
      own,
      rows.filter((row) => row.nodeId === node).map(({ id }) => id),
    );
  }
}

function bytesOf(table: AllocationTable): readonly Uint8Array[] {
  return [...encodeAllocations(table)];
}

function decoded(frames: readonly Uint8Array[], rows: number): AllocationTable {
  const decoder = new TableDecoder(rows);
  for (const frame of frames) decoder.decode(frame);
  return decoder.finish();
}

test("property: whatever was put and forgotten, the table is the map, and its bytes are canonical", () => {
  let ended = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const table = new AllocationTable();
      const model = new Map<string, Allocation>();
      for (const [at, { content: held, kind, n, place: where }] of steps.entries()) {
        const id = idOf(n);
        const known = model.get(id);
        if (kind === "forget") {
          if (known === undefined) continue;
          table.forget(id);
          model.delete(id);
        } else {
          if (kind === "change" && known === undefined) continue;
          const { index, nodeId: _n, ...kept } = known ?? rowOf(id, where, at, held);
          let row = { ...kept, index, nodeId: known?.nodeId ?? nodeId(where.node), ...held } as Allocation;
          // A slot has one that lives.
          const other = liveIn(model, row);
          if (other !== undefined && other.id !== id && !isAllocationEnded(row.status)) {
            row = { ...row, status: "complete" };
          }
          ended += Number(isAllocationEnded(row.status));
          table.put(row);
          model.set(id, row);
        }
        check(table, model);
      }
      const frames = bytesOf(table);
      const plain = new AllocationTable();
      for (const row of model.values()) plain.append(row);
      assert.deepEqual(bytesOf(plain), frames, "the same rows, another history");
      const copy = decoded(frames, model.size);
      check(copy, model);
      assert.deepEqual(bytesOf(copy), frames);
      for (const id of [...model.keys()] as AllocationId[]) {
        copy.forget(id);
        model.delete(id);
      }
      check(copy, model);
      const { cohorts, groups, jobs, nodes, rests } = copy.shared;
      const left = [cohorts, groups, jobs, nodes, rests, copy.ids.odd].map((each) => [...each.values()]);
      assert.deepEqual(left, [[], [], [], [], [], []], "nothing is kept of what is gone");
    }),
    { numRuns: 150 },
  );
  assert.ok(ended > 100);
});

function plainRow(n: number, changes: Partial<Allocation> = {}): Allocation {
  const where = { job: "shop", group: "web", index: n, node: n % 4, ports: { http: 1 + n }, disk: false };
  return rowOf(idOf(n), { ...where, evaluation: 0 }, n, {
    version: 1,
    desired: "run",
    restartGeneration: 0,
    reschedules: [],
    status: "running",
    tasks: { app: { state: "running", restarts: 0, pid: n, startedAtMs: n } },
    health: "none",
    modifyIndex: n,
    modifiedAtMs: n,
    ...changes,
  });
}

test("gaps are closed, and rows of many frames keep their order", () => {
  const table = new AllocationTable();
  const model = new Map<string, Allocation>();
  const put = (n: number) => {
    table.put(plainRow(n));
    model.set(idOf(n), plainRow(n));
  };
  for (let n = 0; n < 12_000; n += 1) put(n);
  for (let n = 0; n < 12_000; n += 1) {
    if (n % 5 === 0) continue;
    table.forget(idOf(n));
    model.delete(idOf(n));
  }
  const room = table.columns.size;
  for (let n = 12_000; n < 20_000; n += 1) put(n);
  assert.equal(table.columns.size, room, "the gaps were used");
  const rows = [...model.values()];
  const idsOf = (each: AllocationTable) => Array.from(each.rows(), (row) => each.id(row));
  assert.deepEqual(idsOf(table), [...model.keys()]);
  for (const row of rows) assert.equal(table.id(table.findLive(row)), row.id);
  for (const row of rows.slice(0, 100)) assert.deepEqual(table.read(table.find(row.id)), row);
  const frames = bytesOf(table);
  assert.equal(frames.length, 2);
  const copy = decoded(frames, model.size);
  assert.deepEqual(idsOf(copy), [...model.keys()]);
  assert.ok(bytesOf(copy).every((frame, at) => Buffer.compare(frame, frames[at] ?? new Uint8Array()) === 0));
});

test("an allocation stays on its node and in its slot", () => {
  const table = new AllocationTable();
  table.put(plainRow(1));
  for (const changes of [
    { index: 2 },
    { nodeId: "elsewhere" as NodeId },
    { group: "db" },
    { job: jobId("b") },
  ]) {
    assert.throws(() => table.put(plainRow(1, changes)), { name: "InvariantError" });
  }
  assert.deepEqual(readAll(table), [plainRow(1)]);
  assert.throws(() => table.forget(idOf(9)), { name: "InvariantError" });
});

test("ids that look like others are told apart", () => {
  const table = new AllocationTable();
  const ids = [
    "ffffffff-ffff-ffff-ffff-ffff00000000",
    "ffffffff-ffff-ffff-ffff-ffff00000001",
    "FFFFFFFF-0000-0000-0000-000000000000",
    "ffffffff-0000-0000-0000-000000000000",
    "0123456-789a-bcde-f012-3456789abcdef",
    "01234567-89ab-cdef-0123-456789abcdeg",
    "01234567x89ab-cdef-0123-456789abcdef",
  ] as AllocationId[];
  for (const [n, id] of ids.entries()) table.put({ ...plainRow(n), id });
  assert.deepEqual(
    Array.from(table.rows(), (row) => table.id(row)),
    ids,
  );
  assert.deepEqual(
    ids.map((id) => table.find(id)),
    ids.map((_, n) => n),
  );
  assert.equal(table.find("ffffffff-ffff-ffff-ffff-ffff00000007" as AllocationId), NONE);
  const copy = decoded(bytesOf(table), ids.length);
  assert.deepEqual(readAll(copy), readAll(table));
});
