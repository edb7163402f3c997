import assert from "node:assert/strict";
import { test } from "node:test";
import { SegmentedLog, type SegmentedLogOptions } from "../../../crdt/log/segmented-log.ts";
import { type Disk, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock } from "../../../lab/clock.ts";
import { MemoryDisk } from "../../../lab/disk.ts";

const text = (value: string) => new TextEncoder().encode(value);
const is =
  (code: string, pattern = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

function openLog(disk: Disk, options: Partial<SegmentedLogOptions> = {}, lines: LogLine[] = []) {
  return SegmentedLog.open(disk, "log", {
    identity: "test",
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...options,
  });
}

const SMALL = { segmentBytes: 16 * 1024, recordBytesMax: 4096 };

function newDisk() {
  const clock = new ManualClock();
  return { clock, hardware: new MemoryDisk({ random: seededRandom("log"), clock }) };
}

async function contents(log: SegmentedLog, from?: number): Promise<[number, string][]> {
  const found: [number, string][] = [];
  for await (const { data, sequence } of log.read(from))
    found.push([sequence, new TextDecoder().decode(data)]);
  return found;
}

async function append(log: SegmentedLog, ...values: string[]): Promise<number> {
  const first = log.append(values.map(text));
  await log.sync();
  return first;
}

test("entries come back in order, numbered from 1, with the state", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount());
  assert.equal(log.lastSequence, 0);
  assert.equal(log.firstSequence, 1);
  assert.equal(await append(log, "a", "b"), 1);
  log.setState(text("term 1"), "now");
  assert.equal(await append(log, "", "d"), 3);
  await log.close();
  const again = await openLog(hardware.mount());
  assert.deepEqual(await contents(again), [
    [1, "a"],
    [2, "b"],
    [3, ""],
    [4, "d"],
  ]);
  assert.deepEqual(again.state, text("term 1"));
  assert.equal(await append(again, "e"), 5);
  assert.deepEqual(await contents(again, 4), [
    [4, "d"],
    [5, "e"],
  ]);
});

test("an empty log takes 64 KiB, and an idle one writes nothing", async () => {
  const { clock, hardware } = newDisk();
  const log = await openLog(hardware.mount());
  assert.equal(hardware.usedBytes, 64 * 1024);
  await append(log, "a");
  await log.mark();
  const { writtenBytes } = hardware;
  await clock.advance(3_600_000);
  await log.mark();
  assert.equal(hardware.writtenBytes, writtenBytes, "a mark is written once");
});

test("all that is appended while a sync runs is one write and one sync", async () => {
  const { clock, hardware } = newDisk();
  const log = await openLog(hardware.mount());
  hardware.latencyMs = 10;
  const before = hardware.operations;
  const syncs: Promise<void>[] = [];
  const proposeOne = () => {
    log.append([text("x")]);
    syncs.push(log.sync());
  };
  proposeOne();
  await clock.advance(5);
  for (let count = 0; count < 1000; count += 1) proposeOne();
  await clock.advance(40);
  await Promise.all(syncs);
  assert.equal(hardware.operations - before, 4, "twice a write and a sync");
  assert.equal(log.lastSequence, 1001);
});

test("sync waits for what was appended before it, not for what comes later", async () => {
  const { clock, hardware } = newDisk();
  const log = await openLog(hardware.mount());
  hardware.latencyMs = 10;
  let isFirstDone = false;
  log.append([text("a")]);
  const first = log.sync().then(() => {
    isFirstDone = true;
  });
  await clock.advance(15);
  log.append([text("b")]);
  const second = log.sync();
  assert.equal(isFirstDone, false);
  await clock.advance(6);
  assert.equal(isFirstDone, true);
  await clock.advance(20);
  await Promise.all([first, second]);
});

test("segments follow one another, and whole ones are removed from the front", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  log.setState(text("vote"), "now");
  for (let count = 1; count <= 60; count += 1) await append(log, `${count}`.padEnd(1000, "."));
  const files = hardware.paths();
  assert.ok(files.length >= 4, `${files.length} segments`);
  assert.equal(files[0], "log/0000000000000001.log");
  await log.truncateBefore(30);
  assert.ok(log.firstSequence > 1 && log.firstSequence <= 30, `first is ${log.firstSequence}`);
  assert.ok(hardware.paths().length < files.length);
  const { firstSequence } = log;
  const values = await contents(log);
  assert.equal(values.length, 60 - firstSequence + 1);
  await log.close();
  const again = await openLog(hardware.mount(), SMALL);
  assert.equal(again.firstSequence, firstSequence);
  assert.deepEqual(again.state, text("vote"), "each segment begins with the state");
  assert.deepEqual(await contents(again), values);
  await again.truncateBefore(1000);
  assert.equal(hardware.paths().length, 1, "the last segment always stays");
});

test("entries after a truncation replace the old ones, also across segments and restarts", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  for (let count = 1; count <= 30; count += 1) await append(log, `old ${count}`.padEnd(900, "."));
  log.truncateAfter(3);
  assert.equal(log.lastSequence, 3);
  assert.equal((await contents(log)).length, 3, "void at once");
  await append(log, "new 4", "new 5", "new 6");
  log.truncateAfter(5);
  log.truncateAfter(9);
  await append(log, "newest 6");
  const expected = ["old 1", "old 2", "old 3", "new 4", "new 5", "newest 6"];
  const names = async (from: SegmentedLog) =>
    (await contents(from)).map(([, value]) => value.replaceAll(".", ""));
  assert.deepEqual(await names(log), expected);
  await log.close();
  const again = await openLog(hardware.mount(), SMALL);
  assert.deepEqual(await names(again), expected);
  assert.equal(again.lastSequence, 6);
  assert.throws(() => again.truncateAfter(-1), /before its first entry/);
});

test("a segment that is being read stays until the next time", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  for (let count = 1; count <= 60; count += 1) await append(log, `${count}`.padEnd(1000, "."));
  const reader = log.read();
  assert.equal((await reader.next()).value?.sequence, 1);
  await log.truncateBefore(60);
  assert.equal(log.firstSequence, 1);
  let count = 1;
  for await (const _ of reader) count += 1;
  assert.equal(count, 60);
  const late = log.read();
  await log.truncateBefore(60);
  assert.ok(log.firstSequence > 1);
  assert.equal((await late.next()).value?.sequence, log.firstSequence);
});

test("entries that do not fit, and more than the disk can take, are refused", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  assert.throws(() => log.append([new Uint8Array(4097)]), is("too_large", /4097/));
  assert.equal(log.lastSequence, 0, "nothing half done");
  await append(log, "x".repeat(4096));
  const large = await openLog(new MemoryDisk({ random: seededRandom(1) }).mount());
  for (let count = 0; count < 8; count += 1) large.append([new Uint8Array(8_000_000)]);
  assert.throws(() => large.append([new Uint8Array(8_000_000)]), is("too_many_requests"));
  await large.sync();
  large.append([new Uint8Array(8_000_000)]);
  await assert.rejects(
    openLog(hardware.mount(), { segmentBytes: 4096, recordBytesMax: 4096 }),
    /holds any one/,
  );
});

test("a full disk refuses the reservation, and the log goes on when there is space again", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  await append(log, "before");
  hardware.capacityBytes = hardware.usedBytes;
  for (let count = 0; count < 4; count += 1)
    await log.reserve(1, 3000).then(() => append(log, "x".repeat(3000)));
  await assert.rejects(log.reserve(1, 4000), is("disk_full"));
  assert.equal(hardware.paths().length, 1, "no half segment is left");
  hardware.capacityBytes += 64 * 1024;
  await log.reserve(1, 4000);
  await append(log, "after");
  await log.close();
  assert.deepEqual((await contents(await openLog(hardware.mount(), SMALL))).at(-1), [6, "after"]);
});

test("what was reserved can be written on a full disk", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount());
  await log.reserve(100, 200_000);
  hardware.capacityBytes = hardware.usedBytes;
  log.append(Array.from({ length: 100 }, () => new Uint8Array(2000)));
  log.setState(new Uint8Array(1024), "now");
  await log.sync();
  await log.mark();
  assert.equal(log.lastSequence, 100);
});

test("after a failed sync nothing is acknowledged any more", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount());
  await append(log, "a");
  hardware.failSync("log/0000000000000001.log");
  const failing = append(log, "b");
  const queued = log.reserve(1, 1_000_000);
  const waiting = append(log, "c");
  await assert.rejects(failing, is("internal", /can't be written any more: .*I\/O error/));
  await assert.rejects(queued, is("internal"), "nothing that was queued behind it is done");
  await assert.rejects(waiting, is("internal"));
  assert.throws(() => log.append([text("d")]), is("internal", /can't be written any more/));
  await assert.rejects(log.sync(), is("internal"));
  await assert.rejects(log.truncateBefore(1), is("internal"));
  await log.close();
});

test("what a start finds is durable before anyone sees it, also what only the page cache had", async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const hardware = new MemoryDisk({ random: seededRandom(seed) });
    const log = await openLog(hardware.mount());
    await append(log, "a");
    // The kernel keeps the bytes, takes them for clean, and will never write them by itself.
    hardware.failSync("log/0000000000000001.log");
    await assert.rejects(append(log, "b"));
    hardware.kill();
    const found = await contents(await openLog(hardware.mount()));
    assert.deepEqual(found, [
      [1, "a"],
      [2, "b"],
    ]);
    hardware.crash();
    assert.deepEqual(await contents(await openLog(hardware.mount())), found, `seed ${seed}`);
  }
});

test("whatever is compacted away, the entry that was named stays", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  for (let count = 1; count <= 60; count += 1) await append(log, `${count}`.padEnd(1000, "."));
  for (let sequence = 1; sequence <= 61; sequence += 1) {
    await log.truncateBefore(sequence);
    assert.ok(log.firstSequence <= sequence);
    assert.equal((await contents(log))[0]?.[0], log.firstSequence);
  }
});

test("the state survives compaction at the moment when the newest segment is still bare", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), SMALL);
  log.setState(text("vote"), "now");
  await append(log, "x".repeat(4000), "x".repeat(4000), "x".repeat(4000));
  await log.reserve(1, 4000);
  assert.equal(hardware.paths().length, 2);
  await log.truncateBefore(4);
  hardware.kill();
  const again = await openLog(hardware.mount(), SMALL);
  assert.deepEqual(again.state, text("vote"));
  await append(again, "y");
  await again.truncateBefore(4);
  assert.equal(hardware.paths().length, 1);
  hardware.kill();
  const last = await openLog(hardware.mount(), SMALL);
  assert.deepEqual(last.state, text("vote"));
  assert.deepEqual(await contents(last), [[4, "y"]]);
});

test("a closed log can't be used, and closing twice is harmless", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount());
  log.append([text("a")]);
  await log.close();
  await log.close();
  assert.throws(() => log.append([text("b")]), is("stopping"));
  assert.deepEqual(await contents(await openLog(hardware.mount())), [[1, "a"]], "close syncs");
});

test("a big log is read in pieces", async () => {
  const { hardware } = newDisk();
  const log = await openLog(hardware.mount(), { segmentBytes: 4 * 1024 * 1024, recordBytesMax: 1024 * 1024 });
  const sizes = [1, 300_000, 1_000_000, 0, 5000, 262_144, 21, 700_000];
  for (let round = 0; round < 4; round += 1) {
    log.append(sizes.map((size) => new Uint8Array(size).fill(round + 1)));
    await log.sync();
  }
  await log.close();
  const again = await openLog(hardware.mount(), {
    segmentBytes: 4 * 1024 * 1024,
    recordBytesMax: 1024 * 1024,
  });
  let at = 0;
  for await (const { data, sequence } of again.read()) {
    assert.equal(sequence, at + 1);
    assert.equal(data.length, sizes[at % sizes.length]);
    assert.ok(data.every((byte) => byte === Math.floor(at / sizes.length) + 1));
    at += 1;
  }
  assert.equal(at, 4 * sizes.length);
});
