import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerError, type Random } from "../../federation/index.ts";
import { seededRandom } from "../../federation/random.ts";
import { ManualClock } from "../../lab/clock.ts";
import { MemoryDisk } from "../../lab/disk.ts";
import { SECTOR_BYTES } from "../../lab/disk-image.ts";
import { diskContract } from "../contract/disk.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

diskContract("memory disk", async () => {
  const hardware = new MemoryDisk({ random: seededRandom("contract") });
  return { disk: hardware.mount(), reopen: () => hardware.mount(), dispose: async () => undefined };
});

diskContract("memory disk after a kill", async () => {
  const hardware = new MemoryDisk({ random: seededRandom("contract") });
  hardware.kill();
  return { disk: hardware.mount(), reopen: () => hardware.mount(), dispose: async () => undefined };
});

/** Writes `1`, syncs, writes `2` over all of it, and cuts the power. */
async function cutOverwrite(random: Random, sectors: number): Promise<Uint8Array> {
  const hardware = new MemoryDisk({ random });
  const file = await hardware.mount().open("f");
  await file.writeAt(0, filled(sectors * SECTOR_BYTES, 1));
  await file.sync();
  await file.writeAt(0, filled(sectors * SECTOR_BYTES, 2));
  hardware.crash();
  return (await hardware.mount().read("f")) ?? bytes();
}

describe("power cut", () => {
  test("what was synced stays, what was not is kept or lost by whole sectors", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const found = await cutOverwrite(seededRandom(seed), 4);
      assert.equal(found.length, 4 * SECTOR_BYTES);
      const sectors = [0, 1, 2, 3].map((at) => new Set(found.subarray(at * 512, (at + 1) * 512)));
      for (const values of sectors) assert.equal(values.size, 1, "a sector is never torn");
      outcomes.add(sectors.map(([value]) => value).join(""));
    }
    assert.ok(outcomes.has("1111") && outcomes.has("2222"), "all and nothing happen");
    assert.ok(outcomes.size > 6, "mixtures happen");
  });

  test("of several writes to a sector, some first ones are kept", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const file = await hardware.mount().open("f");
      await file.resize(3);
      await file.writeAt(0, bytes(1));
      await file.writeAt(1, bytes(2));
      await file.writeAt(0, bytes(3));
      hardware.crash();
      outcomes.add(String(await hardware.mount().read("f")));
    }
    assert.deepEqual([...outcomes].sort(), ["0,0,0", "1,0,0", "1,2,0", "3,2,0"]);
  });

  test("what the port calls durable on return is there", async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const disk = hardware.mount();
      await disk.write("w", bytes(1));
      await disk.write("w", bytes(2));
      await disk.write("gone", bytes(2));
      await disk.remove("gone");
      const file = await disk.open("opened");
      await file.resize(10);
      hardware.crash();
      const next = hardware.mount();
      assert.deepEqual(await next.read("w"), bytes(2));
      assert.equal(await next.read("gone"), undefined);
      assert.deepEqual(await next.read("opened"), filled(10, 0));
    }
  });

  test("a call on its way happened or not, and its caller never learns", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      await hardware.mount().write("f", bytes(1));
      const stopped = hardware.stopAt(1, "crash");
      let isTold = false;
      void hardware
        .mount()
        .write("f", bytes(2))
        .then(() => {
          isTold = true;
        });
      await stopped;
      outcomes.add(String(await hardware.mount().read("f")));
      assert.equal(isTold, false);
    }
    assert.deepEqual([...outcomes].sort(), ["1", "2"]);
  });

  test("a dead process gets no answers, also for calls made later", async () => {
    const clock = new ManualClock();
    const hardware = new MemoryDisk({ random: seededRandom(1), clock });
    const disk = hardware.mount();
    hardware.crash();
    let answers = 0;
    void disk.read("f").then(() => {
      answers += 1;
    });
    await clock.advance(1000);
    assert.equal(answers, 0);
  });
});

describe("death of the process", () => {
  test("unsynced writes stay readable and are still lost by a power cut", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 30; seed += 1) {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const file = await hardware.mount().open("f");
      await file.resize(1);
      await file.writeAt(0, bytes(7));
      hardware.kill();
      assert.deepEqual(await hardware.mount().read("f"), bytes(7));
      hardware.crash();
      outcomes.add(String(await hardware.mount().read("f")));
    }
    assert.deepEqual([...outcomes].sort(), ["0", "7"]);
  });

  test("a half-made file may go with a power cut, unless its folder was used since", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const stopped = hardware.stopAt(1, "kill");
      void hardware.mount().write("f", bytes(1));
      await stopped;
      const isSeen = seed % 2 === 0;
      const before = isSeen ? await hardware.mount().read("f") : undefined;
      hardware.crash();
      const after = await hardware.mount().read("f");
      if (isSeen) assert.deepEqual(after, before);
      else outcomes.add(String(after));
    }
    assert.deepEqual([...outcomes].sort(), ["1", "undefined"]);
  });
});

describe("faults on demand", () => {
  const is = (code: string) => (error: unknown) => error instanceof PeerError && error.code === code;

  test("a full disk refuses and leaves the files as they were", async () => {
    const hardware = new MemoryDisk({ random: seededRandom(1) });
    const disk = hardware.mount();
    await disk.write("f", filled(60, 1));
    const file = await disk.open("g");
    hardware.capacityBytes = 100;
    await assert.rejects(
      disk.write("f", filled(41, 2)),
      is("disk_full"),
      "the old file is there until the end",
    );
    await assert.rejects(file.resize(41), is("disk_full"));
    await assert.rejects(file.writeAt(0, filled(41, 1)), is("disk_full"));
    assert.equal(await disk.freeBytes(), 40);
    await file.resize(40);
    await file.writeAt(0, filled(40, 1));
    assert.deepEqual(await disk.read("f"), filled(60, 1));
    assert.equal(hardware.usedBytes, 100);
  });

  test("a failed sync loses its writes for good, though they read well until the power cut", async () => {
    const hardware = new MemoryDisk({ random: seededRandom(1) });
    const file = await hardware.mount().open("f");
    await file.resize(1);
    await file.writeAt(0, bytes(7));
    hardware.failSync("f");
    await assert.rejects(file.sync(), is("internal"));
    await file.sync();
    assert.deepEqual(await file.readAt(0, 1), bytes(7));
    hardware.crash();
    assert.deepEqual(await hardware.mount().read("f"), bytes(0));
  });

  test("flipped bits and unreadable files", async () => {
    const hardware = new MemoryDisk({ random: seededRandom(1) });
    const disk = hardware.mount();
    await disk.write("f", bytes(0, 0));
    hardware.flipBit("f", 1, 3);
    assert.deepEqual(await disk.read("f"), bytes(0, 8));
    const copy = hardware.clone(seededRandom(2));
    hardware.failReads("f");
    await assert.rejects(disk.read("f"), is("damaged"));
    assert.deepEqual(await copy.mount().read("f"), bytes(0, 8));
    assert.deepEqual(copy.paths(), ["f"]);
  });

  test("a slow disk takes its time by the clock", async () => {
    const clock = new ManualClock();
    const hardware = new MemoryDisk({ random: seededRandom(1), clock });
    hardware.latencyMs = 50;
    let isDone = false;
    const write = hardware
      .mount()
      .write("f", bytes(1))
      .then(() => {
        isDone = true;
      });
    await clock.advance(49);
    assert.equal(isDone, false);
    await clock.advance(1);
    await write;
    assert.equal(isDone, true);
  });

  test("a closed handle can't be used", async () => {
    const file = await new MemoryDisk({ random: seededRandom(1) }).mount().open("f");
    await file.close();
    assert.throws(() => file.sync(), /closed/);
  });
});
