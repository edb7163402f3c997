import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AllocationGlance,
  type Command,
  decodeCommand,
  encodeCommand,
  type JobRecord,
  Ledger,
  type LedgerEvent,
} from "../../../federation/index.ts";
import { Historian, isEmpty, isLive, isSurplus, roomOn, slotsOf } from "./model.ts";
import { REGION, sha256 } from "./support.ts";

const HISTORY = { regionId: REGION, generation: 1 };
/** Only their length shrinks: a smaller draw is another command, not a simpler one. */
const draw = fc.noShrink(fc.nat({ max: 1_000_000 }));
const histories = fc.array(draw, { minLength: 50, maxLength: 1_500, size: "max" });
/** `LEDGER_RUNS` makes them many, for a soak. */
const RUNS = Number(process.env["LEDGER_RUNS"] ?? 150);

/** Everything in it throws when someone tries to change it. */
function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}

function held(ledger: Ledger, node: string): { cpu: number; memoryBytes: number } {
  const live = ledger.allocations().filter((row) => row.nodeId === node && isLive(row));
  const sum = (key: "cpu" | "memoryBytes") => live.reduce((total, row) => total + row.resources[key], 0);
  return { cpu: sum("cpu"), memoryBytes: sum("memoryBytes") };
}

function checkNoOvercommit(ledger: Ledger, events: readonly LedgerEvent[]): void {
  for (const { allocation, type } of events) {
    if (type !== "AllocationPlaced" || allocation === undefined) continue;
    const node = ledger.node(allocation.nodeId);
    assert.ok(node && node.status === "ready");
    const { cpu, memoryBytes } = held(ledger, node.id);
    assert.ok(
      cpu <= node.resources.cpu && memoryBytes <= node.resources.memoryBytes,
      `${node.id} overcommitted`,
    );
    for (const port of Object.values(allocation.ports)) assert.ok(!node.reservedPorts.includes(port));
  }
}

function checkClaims(ledger: Ledger): void {
  const owners = new Map<string, string>();
  const claim = (what: string, id: string) => {
    assert.equal(owners.get(what) ?? id, id, `${what} has two owners`);
    owners.set(what, id);
  };
  for (const row of ledger.allocations().filter(isLive)) {
    claim(`slot ${row.job} ${row.group} ${row.index}`, row.id);
    for (const port of Object.values(row.ports)) claim(`port ${row.nodeId} ${port}`, row.id);
    assert.ok(
      ledger.version(row.namespace, row.job, row.version),
      "the version of a live allocation is kept",
    );
  }
}

function checkJob(ledger: Ledger, job: JobRecord): void {
  const numbers = job.versions.map(({ number }) => number);
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((left, right) => left - right),
  );
  const evaluations = ledger.evaluationsOfJob(job.namespace, job.id);
  const open = evaluations.filter(({ status }) => ["pending", "blocked", "waiting"].includes(status));
  assert.ok(open.length <= 1, `${job.id} has ${open.length} open evaluations`);
  const lacks = slotsOf(ledger, job).filter((slot) => isEmpty(ledger, job, slot));
  const surplus = ledger.allocationsOfJob(job.namespace, job.id).filter((row) => isSurplus(ledger, job, row));
  if (open.length === 0) assert.deepEqual([lacks, surplus], [[], []], `${job.id} is forgotten`);
  const [evaluation] = open;
  if (evaluation?.status !== "blocked" || evaluation.delayMs !== undefined) return;
  const blocked = new Set(evaluation.refusals.map(({ group }) => group));
  for (const { group } of lacks.filter((slot) => blocked.has(slot.group.name))) {
    const node = ledger.nodes().find((candidate) => roomOn(ledger, candidate, group) !== undefined);
    assert.equal(node?.id, undefined, `${job.id} is blocked, but there is room for ${group.name}`);
  }
}

/** What is seen in passing is what the rows say. */
function checkGlances(ledger: Ledger): void {
  const rows = ledger.allocations();
  const seen: Partial<AllocationGlance>[] = [];
  const see = (row: AllocationGlance) => {
    const { desired, evaluation, group, health, id, index, job, modifiedAtMs, modifyIndex, namespace } = row;
    const { nodeId, previous, resources, status, version } = row;
    const told = { desired, evaluation, group, health, id, index, job, modifiedAtMs, modifyIndex, namespace };
    seen.push({ ...told, nodeId, previous, resources, status, version });
  };
  ledger.glanceAllocations(see);
  assert.equal(seen.length, rows.length);
  for (const job of ledger.jobs()) ledger.glanceAllocationsOfJob(job.namespace, job.id, see);
  const ofJobs = ledger.jobs().flatMap((job) => ledger.allocationsOfJob(job.namespace, job.id));
  for (const [at, row] of [...rows, ...ofJobs].entries()) {
    const { previous, ...rest } = seen[at] ?? {};
    assert.equal(previous, row.previous);
    for (const [field, value] of Object.entries(rest))
      assert.deepEqual(value, Reflect.get(row, field), field);
  }
}

/** Indexes against what the whole lists say. */
function checkIndexes(ledger: Ledger): void {
  checkGlances(ledger);
  for (const { id, namespace } of ledger.jobs()) {
    const isOwn = (row: { namespace: string; job: string }) => row.namespace === namespace && row.job === id;
    assert.deepEqual(ledger.allocationsOfJob(namespace, id), ledger.allocations().filter(isOwn));
    assert.deepEqual(ledger.evaluationsOfJob(namespace, id), ledger.evaluations().filter(isOwn));
  }
  for (const { id } of ledger.nodes()) {
    assert.deepEqual(
      ledger.allocationsOfNode(id),
      ledger.allocations().filter((row) => row.nodeId === id),
    );
  }
  assert.deepEqual(
    ledger.pendingEvaluations(),
    ledger
      .evaluations()
      .filter(({ status }) => status === "pending")
      .sort(
        (left, right) =>
          right.priority - left.priority ||
          left.createIndex - right.createIndex ||
          (left.id < right.id ? -1 : 1),
      ),
  );
}

function checkEvents(index: number, events: readonly LedgerEvent[]): void {
  assert.deepEqual(
    events.map((event) => [event.index, event.n]),
    events.map((_, n) => [index, n]),
  );
}

interface Entry {
  readonly index: number;
  readonly command: Command;
}

/** Lets the draws become history, checks it after each command, and gives what was applied. */
function live(draws: readonly number[]): { ledger: Ledger; entries: readonly Entry[] } {
  const ledger = new Ledger(HISTORY);
  const historian = new Historian(ledger, draws);
  const entries: Entry[] = [];
  const current = new Map<string, number>();
  for (let atMs = 1_000; !historian.isOver; atMs += 1_000) {
    const command = historian.next(atMs);
    if (command === undefined) continue;
    const index = ledger.index + 1 + (atMs % 7 === 0 ? 3 : 0);
    entries.push({ index, command: deepFreeze(command) });
    const { events, outcome } = ledger.apply(index, command);
    deepFreeze(ledger.snapshot());
    assert.equal(ledger.index, index);
    checkEvents(index, events);
    if (!outcome.ok) assert.deepEqual(events, []);
    checkNoOvercommit(ledger, events);
    checkClaims(ledger);
    for (const event of events) if (event.type === "JobForgotten") current.delete(event.key);
    for (const job of ledger.jobs()) {
      checkJob(ledger, job);
      const { number } = ledger.currentVersion(job);
      assert.ok(number >= (current.get(`default/${job.id}`) ?? 0), "versions go up");
      current.set(`default/${job.id}`, number);
    }
    checkIndexes(ledger);
  }
  return { ledger, entries };
}

test("property: whatever is proposed, the ledger keeps its promises", () => {
  fc.assert(
    fc.property(histories, (draws) => {
      live(draws);
    }),
    { numRuns: RUNS },
  );
});

test("property: replayed from bytes, and restored anywhere in between, it is the same ledger", () => {
  fc.assert(
    fc.property(histories, fc.nat(), (draws, cut) => {
      const { entries, ledger } = live(draws);
      const replayed = new Ledger(HISTORY);
      const restored = new Ledger(HISTORY);
      for (const [at, { command, index }] of entries.entries()) {
        const bytes = encodeCommand(command);
        const expected = replayed.apply(index, decodeCommand(bytes));
        if (at < cut % entries.length) continue;
        if (at === cut % entries.length) {
          restored.restore(replayed.encode());
          continue;
        }
        assert.deepEqual(restored.apply(index, decodeCommand(bytes)), expected);
      }
      assert.equal(replayed.hash(sha256), ledger.hash(sha256));
      if (entries.length > 0) assert.equal(restored.hash(sha256), ledger.hash(sha256));
      assert.deepEqual(restored.snapshot(), entries.length > 0 ? ledger.snapshot() : restored.snapshot());
    }),
    { numRuns: RUNS },
  );
});

test("the histories reach what they are meant to reach", () => {
  const seen = new Set<string>();
  for (const draws of fc.sample(histories, { numRuns: 100, seed: 7 })) {
    const ledger = new Ledger(HISTORY);
    const historian = new Historian(ledger, draws);
    for (let atMs = 1_000; !historian.isOver; atMs += 1_000) {
      const command = historian.next(atMs);
      if (command === undefined) continue;
      const { events, outcome } = ledger.apply(ledger.index + 1, command);
      seen.add(`${command.kind} ${outcome.ok ? "ok" : outcome.code}`);
      if (outcome.ok && (outcome.refused ?? 0) > 0) seen.add(`${command.kind} refused in part`);
      for (const { type } of events) seen.add(type);
      for (const { delayMs, status } of ledger.evaluations()) {
        seen.add(`${status}${delayMs === undefined ? "" : " for a while"}`);
      }
    }
  }
  const wanted = [
    ...[
      "job.admit ok",
      "job.admit stale",
      "job.admit not_found",
      "node.register ok",
      "node.register conflict",
      "node.down ok",
      "node.down stale",
      "NodeUpdated",
    ],
    ...[
      "plan.apply ok",
      "plan.apply stale",
      "plan.apply refused in part",
      "allocation.report refused in part",
    ],
    ...[
      "allocation.report not_found",
      "allocation.stop ok",
      "allocation.stop conflict",
      "allocation.restart ok",
    ],
    ...["evaluation.wake ok", "garbage.collect ok", "garbage.collect refused in part", "JobForgotten"],
    ...["AllocationForgotten", "EvaluationForgotten", "JobStopped", "AllocationPlaced", "AllocationUpdated"],
    ...["blocked", "blocked for a while", "waiting for a while"],
  ];
  const missing = wanted.filter((what) => !seen.has(what));
  assert.deepEqual(missing, []);
});

test("indexes only go up", () => {
  const ledger = new Ledger(HISTORY);
  const command: Command = {
    kind: "evaluation.wake",
    id: "nobody" as never,
    trigger: "reschedule-due",
    atMs: 1,
  };
  ledger.apply(5, command);
  for (const index of [5, 4, 0, -1, 5.5, Number.NaN]) {
    assert.throws(() => ledger.apply(index, command), { name: "InvariantError" });
  }
  ledger.apply(7, command);
  assert.equal(ledger.index, 7);
});

test("a hash tells ledgers apart that differ in anything that decides", () => {
  const hashes = new Set<string>();
  const add = (...commands: readonly Command[]) => {
    const ledger = new Ledger(HISTORY);
    for (const [at, command] of commands.entries()) ledger.apply(at + 1, command);
    hashes.add(ledger.hash(sha256));
  };
  const wake: Command = {
    kind: "evaluation.wake",
    id: "nobody" as never,
    trigger: "reschedule-due",
    atMs: 1,
  };
  add();
  add(wake);
  add(wake, wake);
  hashes.add(new Ledger({ ...HISTORY, generation: 2 }).hash(sha256));
  assert.equal(hashes.size, 4);
});
