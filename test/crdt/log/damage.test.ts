/** What the log does with files that are not as it left them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SegmentedLog } from "../../../crdt/log/segmented-log.ts";
import { type Disk, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { MemoryDisk } from "../../../lab/disk.ts";

const LIMITS = { segmentBytes: 8 * 1024, recordBytesMax: 2048 };
const first = "log/0000000000000001.log";
const second = "log/0000000000000002.log";

interface Opened {
  readonly log: SegmentedLog;
  readonly warnings: string[];
}

async function open(disk: Disk, identity = "test"): Promise<Opened> {
  const warnings: string[] = [];
  const log = await SegmentedLog.open(disk, "log", {
    identity,
    ...LIMITS,
    log: (level, message) => {
      if (level !== "info") warnings.push(message);
    },
  });
  return { log, warnings };
}

async function sequences(log: SegmentedLog): Promise<string[]> {
  const found: string[] = [];
  for await (const { data, sequence } of log.read()) found.push(`${sequence} ${data.length} ${data[0]}`);
  return found;
}

const isDamaged = (path: string, offset?: number) => (error: unknown) => {
  assert.ok(error instanceof PeerError, String(error));
  assert.equal(error.code, "damaged");
  assert.ok(error.message.startsWith(`${path} is damaged at byte ${offset ?? ""}`), error.message);
  assert.match(error.hint ?? "", /restore the data directory/);
  return true;
};

/** Three batches of two entries; `close` marks the log. */
async function fill(hardware: MemoryDisk, ending: "close" | "kill"): Promise<void> {
  const { log } = await open(hardware.mount());
  for (const value of [1, 2, 3]) {
    log.append([new Uint8Array(40).fill(value), new Uint8Array(10).fill(value)]);
    await log.sync();
  }
  if (ending === "close") await log.close();
  else hardware.kill();
}

const newDisk = (seed: string | number = "damage") => new MemoryDisk({ random: seededRandom(seed) });

/** Offsets of the six entries: 128 bytes of header, then 21 + 40 and 21 + 10 in turn. */
const OFFSETS = [128, 189, 220, 281, 312, 373, 404];

test("every flipped bit of a log that was closed is found, wherever it is", async () => {
  const hardware = newDisk();
  await fill(hardware, "close");
  const expected = await sequences((await open(hardware.clone(seededRandom(1)).mount())).log);
  let refused = 0;
  for (let offset = 0; offset < 460; offset += 1) {
    const copy = hardware.clone(seededRandom(1));
    copy.flipBit(first, offset, offset % 8);
    const opened = await open(copy.mount()).catch((error: unknown) => error);
    if (opened instanceof PeerError) {
      assert.ok(["damaged", "not_supported", "conflict"].includes(opened.code), `${offset}: ${opened}`);
      assert.ok(opened.message.includes(first) && opened.hint !== undefined);
      refused += 1;
      continue;
    }
    // Only the mark itself and the zeros after it: nothing that was ever acknowledged.
    assert.ok(offset >= (OFFSETS[6] ?? 0), `a flip at ${offset} goes unnoticed`);
    const { log } = opened as Opened;
    assert.deepEqual(await sequences(log), expected);
  }
  assert.equal(refused, OFFSETS[6]);
});

test("after a kill, flips are found in all but the very last batch, whose loss is logged", async () => {
  const hardware = newDisk();
  await fill(hardware, "kill");
  for (let offset = 128; offset < (OFFSETS[6] ?? 0); offset += 1) {
    const copy = hardware.clone(seededRandom(1));
    copy.flipBit(first, offset, offset % 8);
    const at = OFFSETS.findLast((each) => each <= offset);
    if (offset < (OFFSETS[4] ?? 0)) {
      await assert.rejects(open(copy.mount()), isDamaged(first, at), String(offset));
    } else {
      const { log, warnings } = await open(copy.mount());
      assert.equal((await sequences(log)).length, offset < (OFFSETS[5] ?? 0) ? 4 : 5);
      assert.match(warnings.join(), /torn end/);
    }
  }
});

test("a mark makes the last batch count as durable, without a sync", async () => {
  const hardware = newDisk();
  const { log } = await open(hardware.mount());
  log.append([new Uint8Array(40).fill(1)]);
  await log.sync();
  await log.mark();
  hardware.kill();
  hardware.flipBit(first, 150, 0);
  await assert.rejects(open(hardware.mount()), isDamaged(first, 128));
});

test("a batch that a power cut tore is cut, logged, and its leftovers never come back", async () => {
  let torn = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const hardware = newDisk(seed);
    const { log } = await open(hardware.mount());
    log.append([new Uint8Array(100).fill(1)]);
    await log.sync();
    const stopped = hardware.stopAt(2, "crash");
    log.append([700, 700, 700].map((size) => new Uint8Array(size).fill(2)));
    void log.sync();
    await stopped;
    const next = await open(hardware.mount());
    torn += next.warnings.length;
    const kept = await sequences(next.log);
    assert.equal(kept[0], "1 100 1");
    assert.ok(kept.slice(1).every((line, at) => line === `${at + 2} 700 2`));
    // The same sizes again, of which only the first is synced: the old second one must not follow the new
    // first one.
    next.log.append([new Uint8Array(700).fill(3)]);
    await next.log.sync();
    hardware.crash();
    const last = await open(hardware.mount());
    assert.deepEqual(await sequences(last.log), [...kept, `${kept.length + 1} 700 3`], `seed ${seed}`);
  }
  assert.ok(torn > 10, `${torn} of 200 were torn`);
});

test("sealed segments must be whole to the byte, and none may be missing", async () => {
  const hardware = newDisk();
  const { log } = await open(hardware.mount());
  for (let count = 0; count < 12; count += 1) {
    log.append([new Uint8Array(1500).fill(1)]);
    await log.sync();
  }
  await log.close();
  assert.equal(hardware.paths().length, 3);
  const flipped = hardware.clone(seededRandom(1));
  flipped.flipBit(second, 2500, 0);
  await assert.rejects(open(flipped.mount()), isDamaged(second));
  const missing = hardware.clone(seededRandom(1));
  await missing.mount().remove(second);
  await assert.rejects(open(missing.mount()), isDamaged(second, 0));
  const swapped = hardware.clone(seededRandom(1));
  const other = await swapped.mount().read(second);
  assert.ok(other !== undefined);
  await swapped.mount().write(first, other);
  await assert.rejects(open(swapped.mount()), isDamaged(first, 16));
  const cut = hardware.clone(seededRandom(1));
  const file = await cut.mount().open(first);
  await file.resize(3000);
  await assert.rejects(open(cut.mount()), isDamaged(first));
});

test("damage changes nothing on the disk", async () => {
  const hardware = newDisk();
  await fill(hardware, "close");
  hardware.flipBit(first, 200, 1);
  const before = await hardware.mount().read(first);
  await assert.rejects(open(hardware.mount()), isDamaged(first, 189));
  assert.deepEqual(await hardware.mount().read(first), before);
});

test("a segment whose making a power cut interrupted is removed", async () => {
  const outcomes = new Set<number>();
  for (let seed = 0; seed < 60; seed += 1) {
    const hardware = newDisk(seed);
    const { log } = await open(hardware.mount());
    // Four fit beside the room that is kept for a state.
    for (let count = 0; count < 4; count += 1) {
      log.append([new Uint8Array(1500).fill(1)]);
      await log.sync();
    }
    const stopped = hardware.stopAt(1 + (seed % 7), "crash");
    log.append([new Uint8Array(1500).fill(2)]);
    void log.sync();
    await stopped;
    const next = await open(hardware.mount());
    outcomes.add(hardware.paths().length);
    for (const path of hardware.paths()) {
      const head = (await hardware.mount().read(path))?.subarray(0, 7);
      assert.equal(new TextDecoder().decode(head), "PEERLOG", "no unfinished segment is left");
    }
    assert.ok([4, 5].includes(next.log.lastSequence));
    next.log.append([new Uint8Array(1500).fill(3)]);
    await next.log.sync();
    await next.log.close();
    assert.equal((await open(hardware.mount())).log.lastSequence, next.log.lastSequence);
  }
  assert.deepEqual([...outcomes].sort(), [1, 2]);
});

test("a header that is not valid in a segment with content is damage", async () => {
  const hardware = newDisk();
  await fill(hardware, "close");
  hardware.flipBit(first, 40, 0);
  await assert.rejects(open(hardware.mount()), isDamaged(first, 0));
});

test("another log's file and a newer format are refused", async () => {
  const hardware = newDisk();
  await fill(hardware, "close");
  await assert.rejects(open(hardware.mount(), "other"), (error) => {
    assert.ok(error instanceof PeerError && error.code === "conflict");
    assert.match(error.message, /of the log "test", not "other"/);
    return true;
  });
  hardware.flipBit(first, 8, 1);
  await assert.rejects(open(hardware.mount()), (error) => {
    assert.ok(error instanceof PeerError && error.code === "not_supported");
    assert.match(error.message, /has format 3; this release reads 1/);
    return true;
  });
});

test("a stranger's file in the folder is left alone and told of", async () => {
  const hardware = newDisk();
  await fill(hardware, "close");
  await hardware.mount().write("log/notes.txt", new Uint8Array(1));
  const { warnings } = await open(hardware.mount());
  assert.match(warnings.join(), /not of the log/);
  assert.ok(hardware.paths().includes("log/notes.txt"));
});

test("bytes inside an entry that look like a record are never taken for one", async () => {
  const hardware = newDisk();
  const inner = newDisk();
  await fill(inner, "close");
  const image = await inner.mount().read(first);
  assert.ok(image !== undefined);
  const { log } = await open(hardware.mount());
  log.append([new Uint8Array(10), image.subarray(0, 600)]);
  await log.sync();
  hardware.kill();
  // The entry that holds the image is torn: what is in it must not count as proof of anything.
  hardware.flipBit(first, 128 + 31 + 3, 0);
  const next = await open(hardware.mount());
  assert.equal(next.log.lastSequence, 1);
});
