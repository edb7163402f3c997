import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { acquireLock } from "../../drivers/keeper/lock.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../drivers/keeper/protocol.ts";

function decode(bytes: Buffer, cuts: readonly number[], bytesMax: number): Frame[] {
  const decoder = new FrameDecoder(bytesMax);
  const frames: Frame[] = [];
  let start = 0;
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    decoder.push(bytes.subarray(start, cut), (frame) => frames.push(frame));
    start = cut;
  }
  return frames;
}

describe("keeper protocol", () => {
  test("frames survive any cut of the stream", async () => {
    const frame = fc.record({ id: fc.nat(), type: fc.string(), body: fc.jsonValue() });
    await fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (frames, cuts) => {
          const bytes = Buffer.from(frames.map((each) => encodeFrame(each)).join(""));
          const plain = JSON.parse(JSON.stringify(frames));
          assert.deepEqual(decode(bytes, cuts, 1_000_000), plain);
        },
      ),
    );
  });

  test("a frame over the limit is refused before it is held, however it is cut", () => {
    for (const cuts of [[], [1, 2, 3], [50, 99]]) {
      assert.throws(() => decode(Buffer.alloc(101, "x"), cuts, 100), /too long/);
      const fits = Buffer.from(`${JSON.stringify({ id: 1, type: "x".repeat(82) })}\n`);
      assert.equal(fits.length, 101);
      assert.equal(decode(fits, cuts, 100).length, 1);
    }
  });

  test("what is no frame is refused", () => {
    for (const text of ["{", "[]", "1", "null", "{}", '{"id":"1"}', '{"id":1.5}', '"x"', "", "\u0000"]) {
      assert.throws(() => decode(Buffer.from(`${text}\n`), [], 100), { name: "KeeperError" }, text);
    }
  });
});

describe("keeper lock", () => {
  const identity = (pid: number) => ({ pid, startTime: String(pid), bootId: "boot" });

  test("however many contend, in whatever order they die, never two hold it", async () => {
    const directory = fs.mkdtempSync(join(tmpdir(), "peer-lock-"));
    try {
      let pid = 0;
      for (let round = 0; round < 30; round++) {
        const living = new Set<number>();
        const isAlive = (holder: { readonly pid: number }) => Promise.resolve(living.has(holder.pid));
        const contenders = Array.from({ length: 8 }, () => {
          const mine = ++pid;
          living.add(mine);
          return acquireLock(directory, identity(mine), isAlive);
        });
        const results = await Promise.all(contenders);
        assert.equal(results.filter((result) => result.held).length, 1);
        assert.equal(fs.readdirSync(directory).length, 1);
        // All die; the next round finds a stale lock.
      }
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });

  test("a live holder is named", async () => {
    const directory = fs.mkdtempSync(join(tmpdir(), "peer-lock-"));
    try {
      assert.deepEqual(await acquireLock(directory, identity(1), async () => true), { held: true });
      const refused = { held: false, holder: identity(1) };
      assert.deepEqual(await acquireLock(directory, identity(2), async () => true), refused);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
