/** Log files: written exactly, read exactly, bounded. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { readLog, type TaskStart, tailOffset } from "../../drivers/index.ts";
import { logFileStarts } from "../../drivers/keeper/logs/files.ts";
import { type LogSink, LogWriters } from "../../drivers/keeper/logs/writer.ts";
import { eventually } from "../../lab/index.ts";
import { RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const STREAM = "app.stdout";

/** Byte n of the whole stream, so that any piece tells whether it is where it should be. */
const byteAt = (position: number): number => (position * 31 + (position >> 8) * 7) & 0xff;
const bytesFrom = (position: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => byteAt(position + index));

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(join(tmpdir(), "peer-logs-"));
  try {
    await run(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string, maxFiles: number, maxFileSizeBytes: number, faults: string[] = []): LogSink {
  const limits = { maxFiles, maxFileSizeBytes };
  return new LogWriters().open(directory, STREAM, limits, (message) => faults.push(message));
}

interface Piece {
  readonly start: number;
  readonly size: number;
}

function pieces(directory: string, stream = STREAM): readonly Piece[] {
  return logFileStarts(fs.readdirSync(directory), stream).map((start) => {
    const name = `${stream}.${String(start).padStart(16, "0")}`;
    return { start, size: fs.statSync(join(directory, name)).size };
  });
}

function checkPieces(files: readonly Piece[], end: number, maxFiles: number, maxFileSizeBytes: number): void {
  assert.ok(files.length <= maxFiles);
  for (const [index, { start, size }] of files.entries()) {
    const next = files[index + 1]?.start ?? end;
    assert.equal(start + size, next);
    assert.ok(index === files.length - 1 ? size <= maxFileSizeBytes : size === maxFileSizeBytes);
  }
}

async function readAll(directory: string, offset = 0): Promise<{ offset: number; data: Buffer }> {
  const chunks: { readonly offset: number; readonly data: Uint8Array }[] = [];
  const options = { offset, follow: false, signal, ended: () => true };
  for await (const chunk of readLog(directory, "app", "stdout", options)) chunks.push(chunk);
  return { offset: chunks[0]?.offset ?? -1, data: Buffer.concat(chunks.map((chunk) => chunk.data)) };
}

describe("log writer", () => {
  test("any sizes of writes, files and restarts: every byte is where its position says", () =>
    inDirectory(async (root) => {
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 }),
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 20, max: 200 }),
          fc.integer({ min: 1, max: 5 }),
          async (sizes, maxFiles, maxFileSizeBytes, restartEvery) => {
            const directory = join(root, String(runs++));
            fs.mkdirSync(directory);
            let end = 0;
            let sink = open(directory, maxFiles, maxFileSizeBytes);
            for (const [index, size] of sizes.entries()) {
              await sink.write(bytesFrom(end, size));
              end += size;
              if (index % restartEvery !== restartEvery - 1) continue;
              await sink.close();
              sink = open(directory, maxFiles, maxFileSizeBytes);
            }
            await sink.close();
            checkPieces(pieces(directory), end, maxFiles, maxFileSizeBytes);
            const { offset, data } = await readAll(directory);
            if (end === 0) return assert.equal(data.length, 0);
            assert.equal(offset + data.length, end);
            assert.ok(data.length >= Math.min(end, (maxFiles - 1) * maxFileSizeBytes + 1));
            assert.deepEqual(new Uint8Array(data), bytesFrom(offset, data.length));
            fs.rmSync(directory, { recursive: true });
          },
        ),
        { numRuns: 60 },
      );
    }));

  test("two who write one stream share its positions", () =>
    inDirectory(async (directory) => {
      const writers = new LogWriters();
      const limits = { maxFiles: 100, maxFileSizeBytes: 64 };
      const sinks = [0, 1].map(() => writers.open(directory, STREAM, limits, assert.fail));
      const writes = Array.from({ length: 100 }, (_, n) => sinks[n % 2]?.write(Buffer.from(`${n}\n`)));
      await Promise.all([...writes, sinks[0]?.close()]);
      await sinks[1]?.close();
      const { data } = await readAll(directory);
      assert.equal(data.toString(), Array.from({ length: 100 }, (_, n) => `${n}\n`).join(""));
      checkPieces(pieces(directory), data.length, 100, 64);
    }));

  test("a disk that takes nothing costs output, counted, and never more", () =>
    inDirectory(async (root) => {
      const directory = join(root, "gone");
      const faults: string[] = [];
      const sink = open(directory, 3, 1000, faults);
      await sink.write(Buffer.from("lost one\n"));
      await sink.write(Buffer.from("lost two\n"));
      assert.equal(faults.length, 1);
      fs.mkdirSync(directory);
      await sink.write(Buffer.from("kept\n"));
      await sink.close();
      assert.equal(faults.length, 2);
      const { data } = await readAll(directory);
      assert.equal(data.toString(), "\n[peer: 18 bytes of output could not be written here]\nkept\n");
    }));

  test("what was lost last is told at the end", () =>
    inDirectory(async (root) => {
      const directory = join(root, "gone");
      const sink = open(directory, 3, 1000);
      await sink.write(Buffer.from("lost\n"));
      fs.mkdirSync(directory);
      await sink.close();
      assert.match((await readAll(directory)).data.toString(), /5 bytes/);
    }));
});

describe("log reader", () => {
  test("any offset: from there, or from the first byte there is", () =>
    inDirectory(async (directory) => {
      const sink = open(directory, 3, 100);
      await sink.write(bytesFrom(0, 450));
      await sink.close();
      // Of 0..449 the files 200, 300 and 400 are left.
      for (const [asked, first] of [
        [0, 200],
        [199, 200],
        [200, 200],
        [299, 299],
        [300, 300],
        [449, 449],
        [-1, 449],
        [-250, 200],
        [-1000, 200],
      ] as const) {
        const { offset, data } = await readAll(directory, asked);
        assert.equal(offset, first, String(asked));
        assert.deepEqual(new Uint8Array(data), bytesFrom(first, 450 - first));
      }
      for (const asked of [450, 10_000]) assert.equal((await readAll(directory, asked)).data.length, 0);
      assert.equal((await readAll(join(directory, "none"))).data.length, 0);
    }));

  test("names that only look alike are left alone", () =>
    inDirectory(async (directory) => {
      for (const name of [
        "app.stdout.5",
        "app.stdout.x000000000000000",
        "app.stdout",
        "my.app.stdout.0000000000000000",
      ]) {
        fs.writeFileSync(join(directory, name), "no");
      }
      fs.writeFileSync(join(directory, "app.stdout.0000000000000000"), "yes");
      assert.equal((await readAll(directory)).data.toString(), "yes");
    }));

  test("a follower gets every byte once while files grow, rotate and go", () =>
    inDirectory(async (directory) => {
      const total = 200_000;
      let isEnded = false;
      const follow = (async () => {
        let position = 0;
        const options = { offset: 0, follow: true, signal, ended: () => isEnded };
        for await (const { offset, data } of readLog(directory, "app", "stdout", options)) {
          assert.ok(offset >= position, "never twice");
          assert.deepEqual(new Uint8Array(data), bytesFrom(offset, data.length));
          position = offset + data.length;
        }
        return position;
      })();
      const sink = open(directory, 3, 5000);
      for (let written = 0; written < total; written += 800) await sink.write(bytesFrom(written, 800));
      await sink.close();
      isEnded = true;
      assert.equal(await follow, total);
    }));

  test("a follower that keeps up sees all of it", () =>
    inDirectory(async (directory) => {
      let isEnded = false;
      let seen = "";
      const follow = (async () => {
        const options = { offset: 0, follow: true, signal, ended: () => isEnded };
        for await (const { data } of readLog(directory, "app", "stdout", options))
          seen += Buffer.from(data).toString();
      })();
      const sink = open(directory, 2, 7);
      let expected = "";
      for (let n = 0; n < 20; n++) {
        await sink.write(Buffer.from(`${n}\n`));
        expected += `${n}\n`;
        await eventually("the follower has it", () => (seen === expected ? true : undefined));
      }
      isEnded = true;
      await sink.close();
      await follow;
      assert.equal(seen, expected);
    }));

  test("a follower stops when it is told to, before there is anything too", () =>
    inDirectory(async (directory) => {
      const stop = new AbortController();
      const options = { offset: 0, follow: true, signal: stop.signal, ended: () => false };
      const reading = readLog(join(directory, "none"), "app", "stdout", options).next();
      stop.abort();
      assert.equal((await reading).done, true);
    }));

  test("the last lines, across files, with and without an end of line", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-z]{0,8}$/), { maxLength: 30 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 12 }),
        (lines, hasEnd, maxFileSizeBytes, wanted) =>
          inDirectory(async (directory) => {
            const text = lines.join("\n") + (hasEnd && lines.length > 0 ? "\n" : "");
            const sink = open(directory, 1000, maxFileSizeBytes);
            await sink.write(Buffer.from(text));
            await sink.close();
            const offset = await tailOffset(directory, "app", "stdout", wanted);
            const all = text === "" ? [] : (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
            const last = wanted === 0 ? [] : all.slice(-wanted);
            const expected = last.join("\n") + (last.length > 0 && text.endsWith("\n") ? "\n" : "");
            assert.equal(text.slice(offset), expected);
          }),
      ),
      { numRuns: 60 },
    );
  });
});

describe("logs of real tasks", { skip: process.platform === "win32" ? "POSIX programs" : false }, () => {
  const LAST = 7_000_000;
  const script = (world: RealWorld, key: string, logs: TaskStart["logs"]): TaskStart =>
    world.task(key, { command: "sh", args: ["-c", `seq 1 ${LAST}; echo end >&2`] }, { logs });

  test("50 MB, twice, through many files: not a byte lost or doubled", async () => {
    const world = new RealWorld();
    try {
      const limits = { maxFiles: 100, maxFileSizeBytes: 1_234_567 };
      const expected = createHash("sha256");
      let bytes = 0;
      for (let run = 0; run < 2; run++) {
        for (let n = 1; n <= LAST; n += 10_000) {
          const numbers = Array.from({ length: Math.min(10_000, LAST - n + 1) }, (_, i) => n + i);
          const text = `${numbers.join("\n")}\n`;
          expected.update(text);
          bytes += text.length;
        }
        const task = script(world, `a/app/${run}`, limits);
        const handle = await world.driver.start(task);
        assert.equal((await world.driver.wait(handle, signal)).exitCode, 0);
        if (run === 1) {
          const { logDirectory } = task;
          checkPieces(pieces(logDirectory), bytes, 100, limits.maxFileSizeBytes);
          const { data } = await readAll(logDirectory);
          assert.equal(data.length, bytes);
          assert.equal(createHash("sha256").update(data).digest("hex"), expected.digest("hex"));
          assert.equal(await world.output(task, "stderr"), "end\nend\n");
        }
      }
    } finally {
      await world.dispose();
    }
  });

  test("few small files bound what a task may fill, and hold its last output", async () => {
    const world = new RealWorld();
    try {
      const task = script(world, "a/app/0", { maxFiles: 3, maxFileSizeBytes: 1_000_000 });
      const handle = await world.driver.start(task);
      assert.equal((await world.driver.wait(handle, signal)).exitCode, 0);
      const files = pieces(task.logDirectory);
      assert.equal(files.length, 3);
      const last = files.at(-1);
      checkPieces(files, (last?.start ?? 0) + (last?.size ?? 0), 3, 1_000_000);
      const lines = (await readAll(task.logDirectory)).data
        .toString()
        .trimEnd()
        .split("\n")
        .map(Number)
        .slice(1);
      assert.equal(lines.at(-1), LAST);
      assert.ok(lines.length > 200_000);
      assert.ok(lines.every((line, index) => line === LAST - lines.length + 1 + index));
    } finally {
      await world.dispose();
    }
  });
});
