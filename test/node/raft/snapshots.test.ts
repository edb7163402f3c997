/** Snapshots of a group, compaction of its log, and what can be read again when some of it is damaged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock } from "../../../lab/clock.ts";
import { MemoryDisk } from "../../../lab/disk.ts";
import { createCrypto } from "../../../node/host/crypto.ts";
import { SnapshotSchedule } from "../../../node/raft/snapshot/snapshot-schedule.ts";
import { SnapshotStore } from "../../../node/raft/snapshot/snapshots.ts";
import { type OpenedList, openList, SMALL } from "./register.ts";

const is =
  (code: ErrorCode, pattern = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    assert.ok(error.hint !== undefined, "says what to do");
    return true;
  };

function newWorld() {
  const clock = new ManualClock();
  return { clock, hardware: new MemoryDisk({ random: seededRandom("snapshots"), clock }) };
}

/** Puts `count` entries of about 150 bytes, one after another. */
async function fill(opened: OpenedList, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await opened.put(`${opened.list.length} `.padEnd(150, "."));
}

const snapshotsOf = (hardware: MemoryDisk) => hardware.paths().filter((path) => path.includes("/snapshots/"));
const segmentsOf = (hardware: MemoryDisk) => hardware.paths().filter((path) => path.includes("/log/"));

async function filledWorld(count = 400) {
  const world = newWorld();
  const opened = await openList(world.hardware.mount(), world.clock);
  await fill(opened, count);
  await opened.group.close();
  return { ...world, list: opened.list };
}

/** A store of its own over the group's files. */
function storeOf(hardware: MemoryDisk) {
  return new SnapshotStore({
    disk: hardware.mount(),
    folder: "raft/snapshots",
    crypto: createCrypto(),
    log: () => undefined,
  });
}

test("two snapshots are kept, and the log only as far as the older one needs", async () => {
  const { clock, hardware, list } = await filledWorld();
  const infos = await storeOf(hardware).list();
  assert.equal(infos.length, 2);
  const [newest, older] = infos;
  assert.ok(newest !== undefined && older !== undefined && newest.index > older.index);
  assert.ok(!segmentsOf(hardware).includes("raft/log/0000000000000001.log"), "the log was compacted");
  const again = await openList(hardware.mount(), clock);
  assert.deepEqual(again.list, list);
  assert.deepEqual(again.warnings, []);
});

test("a start is from the older snapshot while the log between the two is short", async () => {
  const { clock, hardware } = await filledWorld(100);
  const [newest, older] = await storeOf(hardware).list();
  assert.ok(newest !== undefined && older !== undefined);
  const near = await openList(hardware.mount(), clock);
  assert.ok((near.applied[0] ?? 0) <= newest.index && (near.applied[0] ?? 0) > older.index);
  await near.group.close();
  const far = await openList(hardware.mount(), clock, { limits: { ...SMALL, snapshotEntries: 2 } });
  assert.ok((far.applied[0] ?? 0) > newest.index);
  assert.deepEqual(far.list, near.list);
});

test("a damaged snapshot is passed over while the log covers the gap", async () => {
  const { hardware, list } = await filledWorld();
  const [newest, older] = await storeOf(hardware).list();
  assert.ok(newest !== undefined && older !== undefined);
  for (const victim of [newest, older]) {
    for (const limits of [SMALL, { ...SMALL, snapshotEntries: 2 }]) {
      const copy = hardware.clone(seededRandom(1));
      copy.flipBit(victim.path, 100, 4);
      const opened = await openList(copy.mount(), new ManualClock(), { limits });
      assert.deepEqual(opened.list, list);
    }
  }
  const unreadable = hardware.clone(seededRandom(1));
  unreadable.failReads(older.path);
  const limits = { ...SMALL, snapshotEntries: 1000 };
  const opened = await openList(unreadable.mount(), new ManualClock(), { limits });
  assert.deepEqual(opened.list, list);
  assert.match(opened.warnings.join(), /a snapshot is damaged/);
});

test("with no whole snapshot that meets the log it refuses to start, and says what to do", async () => {
  const { clock, hardware } = await filledWorld();
  for (const path of snapshotsOf(hardware)) hardware.flipBit(path, 90, 1);
  await assert.rejects(
    openList(hardware.mount(), clock),
    is("damaged", /no whole snapshot .*log, which begins at entry/),
  );
  const gone = hardware.clone(seededRandom(1));
  await gone.mount().remove("raft/snapshots");
  await assert.rejects(
    openList(gone.mount(), clock),
    is("damaged", /there is no snapshot, and the log begins/),
  );
});

test("a damaged first snapshot does not matter while the log is whole", async () => {
  const { clock, hardware, list } = await filledWorld(25);
  assert.equal(snapshotsOf(hardware).length, 1);
  hardware.flipBit(snapshotsOf(hardware)[0] ?? "", 80, 1);
  const again = await openList(hardware.mount(), clock);
  assert.deepEqual(again.list, list);
  assert.equal(again.applied.length, 25);
});

test("a log that is gone, or ends before what was committed, is damage", async () => {
  const { clock, hardware } = await filledWorld();
  const gone = hardware.clone(seededRandom(1));
  await gone.mount().remove("raft/log");
  await assert.rejects(openList(gone.mount(), clock), is("damaged", /no Raft vote/));
  const older = newWorld();
  const early = await openList(older.hardware.mount(), clock);
  await fill(early, 3);
  await early.group.close();
  const mixed = hardware.clone(seededRandom(1));
  await mixed.mount().remove("raft/log");
  const log = "raft/log/0000000000000001.log";
  await mixed.mount().write(log, (await older.hardware.mount().read(log)) ?? new Uint8Array(0));
  await assert.rejects(
    openList(mixed.mount(), clock),
    is("damaged", /ends at entry 4, but entry \d+ was committed/),
  );
});

test("a damaged snapshot that was passed over is replaced by the next ones", async () => {
  const { clock, hardware } = await filledWorld();
  const [newest] = await storeOf(hardware).list();
  hardware.flipBit(newest?.path ?? "", 100, 4);
  const opened = await openList(hardware.mount(), clock);
  await fill(opened, 400);
  await opened.group.close();
  assert.ok(!hardware.paths().includes(newest?.path ?? ""));
  const infos = await storeOf(hardware).list();
  assert.equal(infos.length, 2);
  for (const info of infos) assert.ok((await storeOf(hardware).load(info)) !== undefined);
});

test("no space for a snapshot is no reason to stop", async () => {
  const { clock, hardware } = newWorld();
  const opened = await openList(hardware.mount(), clock, { limits: { ...SMALL, segmentBytes: 64 * 1024 } });
  hardware.capacityBytes = hardware.usedBytes;
  await fill(opened, 50);
  assert.match(opened.warnings.join(), /no space for a snapshot/);
  assert.deepEqual(snapshotsOf(hardware), []);
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  await fill(opened, 50);
  await opened.group.close();
  assert.ok(snapshotsOf(hardware).length > 0);
  assert.deepEqual(opened.failures, []);
});

test("commits go on while a snapshot is being written", async () => {
  const { clock, hardware } = newWorld();
  const opened = await openList(hardware.mount(), clock);
  await fill(opened, 19);
  hardware.latencyMs = 10;
  const answers: Promise<unknown>[] = [];
  for (let at = 0; at < 10; at += 1) {
    answers.push(opened.put(`during ${at}`));
    await clock.advance(20);
  }
  await Promise.all(answers);
  await clock.advance(100);
  assert.equal(snapshotsOf(hardware).length, 1);
});

test("a snapshot file of a newer format is refused, a stranger's file is left alone", async () => {
  const { clock, hardware } = await filledWorld(25);
  await hardware.mount().write("raft/snapshots/notes", new Uint8Array(1));
  const opened = await openList(hardware.mount(), clock, { limits: { ...SMALL, snapshotEntries: 2 } });
  assert.match(opened.warnings.join(), /among the snapshots is none/);
  await opened.group.close();
  for (const path of snapshotsOf(hardware)) hardware.flipBit(path, 8, 0);
  await assert.rejects(
    openList(hardware.mount(), clock, { limits: { ...SMALL, snapshotEntries: 2 } }),
    is("not_supported", /has format 3/),
  );
});

test("every flipped bit of a snapshot file is found", async () => {
  const { hardware } = newWorld();
  const store = storeOf(hardware);
  const data = new TextEncoder().encode("the state");
  const configuration = { voters: ["n1"], outgoing: [], learners: ["n2"] };
  const info = await store.save({ index: 7, term: 2, configuration }, data);
  assert.equal(info.path, "raft/snapshots/7-2");
  const loaded = await store.load(info);
  assert.deepEqual([loaded?.data, loaded?.configuration], [data, configuration]);
  const size = (await hardware.mount().read(info.path))?.length ?? 0;
  assert.ok(size > 72 + data.length);
  for (let offset = 0; offset < size; offset += 1) {
    const copy = hardware.clone(seededRandom(1));
    copy.flipBit(info.path, offset, offset % 8);
    const found = await storeOf(copy)
      .load(info)
      .catch((error: unknown) => error);
    assert.ok(
      found === undefined || (found instanceof PeerError && found.code === "not_supported"),
      `at ${offset}`,
    );
  }
  assert.equal(await store.load({ ...info, path: "raft/snapshots/8-2" }), undefined);
});

test("snapshots of a large state come only when the log has grown by half of it", () => {
  const schedule = new SnapshotSchedule({ snapshotEntries: 10, snapshotBytes: 1000 }, 0);
  const grow = (count: number, size: number) => {
    for (let at = 1; at <= count; at += 1)
      schedule.applied({ index: at, term: 1, data: new Uint8Array(size) });
  };
  grow(9, 1);
  assert.equal(schedule.isDue(), false);
  grow(1, 1);
  assert.equal(schedule.isDue(), true, "by entries");
  assert.deepEqual(schedule.begin(5000), { index: 1, term: 1 });
  grow(24, 100);
  assert.equal(schedule.isDue(), false);
  grow(1, 100);
  assert.equal(schedule.isDue(), true, "by bytes");
});
