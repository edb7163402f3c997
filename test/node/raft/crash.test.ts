/**
 * Stops a whole group at any call to its disk, and compares what is there again with what was acknowledged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock } from "../../../lab/clock.ts";
import { MemoryDisk, type Stop } from "../../../lab/disk.ts";
import type { RaftGroupLimits } from "../../../node/raft/group-options.ts";
import { type OpenedList, openList } from "./register.ts";

/** So small that a run of some dozens of entries has snapshots, compactions and many segments. */
const LIMITS: Partial<RaftGroupLimits> = {
  entryBytesMax: 600,
  segmentBytes: 8192,
  snapshotEntries: 7,
  trailingEntries: 2,
};
const CALLS_MAX = 1000;

/** What clients know, over all lives of the group. */
class Clients {
  readonly proposed = new Set<string>();
  /** Value to index. */
  readonly acknowledged = new Map<string, number>();
  #serial = 0;

  /** Proposes one value after another until it gets no answer any more. */
  async work(opened: OpenedList, count: number, valueBytes: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      this.#serial += 1;
      const value = `${this.#serial} `.padEnd(valueBytes, "x");
      this.proposed.add(value);
      const { index } = await opened.put(value);
      this.acknowledged.set(value, index);
    }
  }

  check({ list }: OpenedList): void {
    const found = new Map(list.map(({ index, value }) => [value, index]));
    assert.equal(found.size, list.length, "nothing is doubled");
    for (const [value, index] of this.acknowledged) {
      assert.equal(found.get(value), index, `acknowledged: ${value.trim()} at ${index}`);
    }
    let last = 0;
    for (const { index, value } of list) {
      assert.ok(this.proposed.has(value), `nobody proposed ${value}`);
      assert.ok(index > last, "in order");
      last = index;
    }
  }
}

async function live(
  hardware: MemoryDisk,
  clients: Clients,
  life: { readonly stopAt: number; readonly how: Stop; readonly count: number; readonly valueBytes: number },
): Promise<void> {
  const stopped = hardware.stopAt(life.stopAt, life.how);
  const run = async () => {
    const opened = await openList(hardware.mount(), new ManualClock(), { limits: LIMITS });
    clients.check(opened);
    const proposers = [1, 2, 3].map(() => clients.work(opened, life.count, life.valueBytes));
    await Promise.all(proposers);
    clients.check(opened);
    assert.deepEqual(opened.failures, []);
    if (life.how === "kill") await opened.group.close();
    return "finished";
  };
  // Only a life that came to its end is ended here: one that was stopped is over, and another may have begun.
  if ((await Promise.race([stopped, run()])) === "finished") hardware.kill();
}

async function checkAfter(hardware: MemoryDisk, clients: Clients): Promise<void> {
  const opened = await openList(hardware.mount(), new ManualClock(), { limits: LIMITS });
  clients.check(opened);
  await clients.work(opened, 2, 50);
  clients.check(opened);
}

test("stopped at each call of one run, every acknowledged change is there and none is doubled", async () => {
  let calls = 1;
  let paths: readonly string[] = [];
  for (let stopAt = 1; stopAt <= calls; stopAt += 1) {
    for (const how of ["crash", "kill"] as const) {
      for (const seed of [1, 2]) {
        const hardware = new MemoryDisk({ random: seededRandom(`${stopAt} ${how} ${seed}`) });
        const clients = new Clients();
        await live(hardware, clients, { stopAt, how, count: 40, valueBytes: 150 });
        calls = Math.max(calls, hardware.operations + 1);
        paths = hardware.paths();
        await checkAfter(hardware, clients);
      }
    }
    assert.ok(stopAt < CALLS_MAX);
  }
  assert.ok(calls > 120, `${calls} calls`);
  assert.equal(paths.filter((path) => path.includes("/snapshots/")).length, 2, "the run had snapshots");
  assert.ok(!paths.includes("raft/log/0000000000000001.log"), "and compacted its log");
});

test("stopped again and again, at any call and in any way, the same holds", async () => {
  const life = fc.record({
    stopAt: fc.integer({ min: 1, max: 120 }),
    how: fc.constantFrom("crash" as const, "kill" as const),
    count: fc.integer({ min: 1, max: 12 }),
    valueBytes: fc.integer({ min: 8, max: 600 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(life, { minLength: 2, maxLength: 8 }), async (seed, lives) => {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const clients = new Clients();
      for (const each of lives) await live(hardware, clients, each);
      await checkAfter(hardware, clients);
    }),
    { numRuns: 150 },
  );
});
