import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { openDocuments, SegmentedLog } from "../../crdt/index.ts";
import {
  canonicalBytes,
  type Entry,
  entryHash,
  PeerError,
  type ViaPosition,
} from "../../federation/index.ts";
import { seededRandom } from "../../federation/random.ts";
import { MemoryDisk } from "../../lab/index.ts";
import { createDisk } from "../../node/host/disk.ts";
import { documentsContract } from "../contract/documents.ts";
import { crypto, entryOf, INCARNATION, runBody, stopBody } from "../federation/intent/fixtures.ts";

const DOCUMENT = "job/default/hello";
const quiet = () => undefined;
/** A little more than the disk is called in the interrupted story; no multiple of 3. */
const CALLS = 26;

documentsContract("a journal on a disk in memory", async () => {
  const hardware = new MemoryDisk({ random: seededRandom("documents") });
  return {
    open: () => openDocuments({ disk: hardware.mount(), crypto, log: quiet }),
    close: async () => undefined,
  };
});

documentsContract("a journal on the machine's disk", async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), "peer-documents-"));
  return {
    open: () => openDocuments({ disk: createDisk(directory), crypto, log: quiet }),
    close: () => rm(directory, { recursive: true }),
  };
});

/** Entries of one incarnation, each following the one before. */
function sequence(length: number): readonly Entry[] {
  const entries: Entry[] = [];
  let position: ViaPosition = { viaIncarnation: INCARNATION, viaSequence: 1 };
  for (let at = 0; at < length; at++) {
    const entry = entryOf(at % 2 === 0 ? runBody([], `mark ${at}`) : stopBody(), position);
    entries.push(entry);
    position = {
      viaIncarnation: INCARNATION,
      viaSequence: entry.viaSequence + 1,
      viaPrevious: entryHash(entry, crypto),
    };
  }
  return entries;
}

function isPeerError(code: string, hint: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.hint ?? "", hint);
    return true;
  };
}

test("journal: what was acknowledged is there after a stop at any call of the disk", async () => {
  const entries = sequence(12);
  let interrupted = 0;
  for (let seed = 0; seed < 3 * CALLS; seed++) {
    const how = seed % 3 === 0 ? "kill" : "crash";
    const hardware = new MemoryDisk({ random: seededRandom(seed) });
    const stopped = hardware.stopAt(1 + (seed % CALLS), how);
    const acknowledged: Entry[] = [];
    const whole = (async () => {
      const documents = await openDocuments({ disk: hardware.mount(), crypto, log: quiet });
      // One after the other first, then together: single records and groups are interrupted alike.
      for (const entry of entries.slice(0, 4))
        await documents.append(entry).then(() => acknowledged.push(entry));
      const rest = entries
        .slice(4)
        .map((entry) => documents.append(entry).then(() => acknowledged.push(entry)));
      await Promise.all(rest);
      await documents.close();
      return "finished";
    })();
    if ((await Promise.race([whole, stopped])) === undefined) interrupted += 1;
    else hardware.crash();
    // Its own disk: the stop may still be ahead.
    const disk = hardware.clone(seededRandom(seed)).mount();
    const after = await openDocuments({ disk, crypto, log: quiet });
    const found = after.entries(DOCUMENT);
    assert.deepEqual(found, entries.slice(0, found.length), `seed ${seed}: what is there is a beginning`);
    assert.ok(found.length >= acknowledged.length, `seed ${seed}: ${acknowledged.length} acknowledged`);
    await after.append(entries[found.length] ?? (entries[0] as Entry));
    await after.close();
  }
  assert.ok(interrupted > 2 * CALLS && interrupted < 3 * CALLS, `${interrupted} runs were interrupted`);
});

test("journal: syncs once for what comes together", async () => {
  const hardware = new MemoryDisk({ random: seededRandom(1) });
  const disk = hardware.mount();
  let syncs = 0;
  const counting = {
    ...disk,
    async open(file: string) {
      const handle = await disk.open(file);
      return {
        ...handle,
        sync: () => {
          syncs += 1;
          return handle.sync();
        },
      };
    },
  };
  const documents = await openDocuments({ disk: counting, crypto, log: quiet });
  const before = syncs;
  await Promise.all(sequence(20).map((entry) => documents.append(entry)));
  assert.equal(documents.entries(DOCUMENT).length, 20);
  assert.ok(syncs - before <= 2, `${syncs - before} syncs`);
  await documents.close();
});

test("journal: with the disk full takes no entry, and goes on when there is room", async () => {
  const hardware = new MemoryDisk({ random: seededRandom(2) });
  const documents = await openDocuments({ disk: hardware.mount(), crypto, log: quiet });
  const [small, large, after] = sequence(3).map((entry, at) =>
    at === 1
      ? entryOf({ ...runBody(), spec: { ...runBody().spec, meta: { pad: "x".repeat(120_000) } } as never })
      : entry,
  ) as [Entry, Entry, Entry];
  await documents.append(small);
  hardware.capacityBytes = hardware.usedBytes;
  const results = await Promise.allSettled([documents.append(large), documents.append(after)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await assert.rejects(documents.append(large), isPeerError("disk_full", /space/));
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  await documents.append(large);
  assert.deepEqual(documents.entries(DOCUMENT), [small, large]);
  await documents.close();
});

test("journal: refuses what waits behind an entry without room, though it would fit", async () => {
  const hardware = new MemoryDisk({ random: seededRandom(7) });
  const documents = await openDocuments({ disk: hardware.mount(), crypto, log: quiet });
  // Two large ones fill the first group; the small one is in the next.
  const padding = Object.fromEntries(["a", "b", "c", "d"].map((key) => [key, key.repeat(125_000)]));
  const large = ["left", "right"].map((mark) =>
    entryOf({ ...runBody(), spec: { ...runBody().spec, meta: { ...padding, mark } } as never }),
  );
  const small = entryOf({
    ...runBody(),
    spec: { ...runBody().spec, meta: { pad: "x".repeat(60_000) } } as never,
  });
  hardware.capacityBytes = hardware.usedBytes + 256 * 1024;
  const results = await Promise.allSettled([...large, small].map((entry) => documents.append(entry)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected", "rejected"],
  );
  await documents.append(small);
  assert.deepEqual(documents.entries(DOCUMENT), [small]);
  await documents.close();
});

test("journal: refuses to go on after a failed sync", async () => {
  const hardware = new MemoryDisk({ random: seededRandom(3) });
  const documents = await openDocuments({ disk: hardware.mount(), crypto, log: quiet });
  const [first, second, third] = sequence(3) as [Entry, Entry, Entry];
  await documents.append(first);
  for (const file of hardware.paths()) hardware.failSync(file);
  await assert.rejects(documents.append(second), PeerError);
  assert.deepEqual(documents.entries(DOCUMENT), [first]);
  await assert.rejects(documents.append(third), PeerError);
  await documents.close();
});

test("journal: refuses to start on a flipped bit in what was acknowledged", async () => {
  const entries = sequence(6);
  const original = new MemoryDisk({ random: seededRandom(4) });
  const documents = await openDocuments({ disk: original.mount(), crypto, log: quiet });
  for (const entry of entries) await documents.append(entry);
  await documents.close();
  const [file] = original.paths();
  assert.ok(file !== undefined && original.paths().length === 1);
  const data = await original.mount().read(file);
  const text = Buffer.from(data ?? []).toString("latin1");
  const places = entries.map(({ signature }) => text.indexOf(signature));
  for (const [at, place] of places.entries()) {
    assert.ok(place > 0);
    const damaged = original.clone(seededRandom(at));
    damaged.flipBit(file, place, at % 8);
    await assert.rejects(
      openDocuments({ disk: damaged.mount(), crypto, log: quiet }),
      isPeerError("damaged", /backup/),
    );
  }
});

test("journal: refuses to start on what passes the log's checks but not an entry's", async () => {
  const good = entryOf(runBody());
  const cases: readonly [unknown, string, RegExp][] = [
    [{ ...good, author: good.via.replace(/^./, "0") }, "damaged", /backup/],
    [{ ...good, v: 2 }, "not_supported", /newer release/],
    [undefined, "damaged", /backup/],
  ];
  for (const [value, code, hint] of cases) {
    const disk = new MemoryDisk({ random: seededRandom(5) }).mount();
    const log = await SegmentedLog.open(disk, "intent", { identity: "intent", log: quiet });
    log.append([value === undefined ? new Uint8Array([0xff]) : canonicalBytes(value)]);
    await log.close();
    await assert.rejects(openDocuments({ disk, crypto, log: quiet }), isPeerError(code, hint));
  }
});

test("journal: a watcher that fails does not unmake the entry, nor is its failure lost", async () => {
  const disk = new MemoryDisk({ random: seededRandom(6) }).mount();
  const documents = await openDocuments({ disk, crypto, log: quiet });
  const lost = new Promise<unknown>((resolve) => {
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => {
      for (const listener of listeners) process.on("uncaughtException", listener);
      resolve(error);
    });
  });
  documents.watch(() => {
    throw new Error("a bug of the watcher");
  });
  await documents.append(entryOf(runBody()));
  assert.match(String(await lost), /a bug of the watcher/);
  assert.equal(documents.entries(DOCUMENT).length, 1);
  await documents.close();
});
