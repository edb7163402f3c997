import assert from "node:assert/strict";
import { test } from "node:test";
import { IntentWriter, openDocuments } from "../../crdt/index.ts";
import {
  checkEntry,
  createCounting,
  type Documents,
  type Entry,
  entryHash,
  InvariantError,
  type JobVersionBody,
  jobIntent,
  PeerError,
  versionId,
} from "../../federation/index.ts";
import { seededRandom } from "../../federation/random.ts";
import { MemoryDisk, type Stop } from "../../lab/index.ts";
import {
  chain,
  crypto,
  entryOf,
  INCARNATION,
  peer,
  root,
  runBody,
  stopBody,
} from "../federation/intent/fixtures.ts";

const DOCUMENT = "job/default/hello";
/** A little more than the disk is called in the interrupted story; no multiple of 3. */
const CALLS = 19;
const identity = { signer: peer, chain, incarnationId: INCARNATION };

function freshDisk(seed: number | string = 1): MemoryDisk {
  return new MemoryDisk({ random: seededRandom(seed) });
}

function documentsOn(hardware: MemoryDisk): Promise<Documents> {
  return openDocuments({ disk: hardware.mount(), crypto, log: () => undefined });
}

/** Each entry follows the one before, in every document together. */
function assertGapFree(entries: readonly Entry[], message?: string): void {
  const ordered = entries.toSorted((a, b) => a.viaSequence - b.viaSequence);
  for (const [at, entry] of ordered.entries()) {
    const before = ordered[at - 1];
    assert.equal(entry.viaSequence, at + 1, message);
    assert.equal(entry.viaPrevious, before && entryHash(before, crypto), message);
  }
}

function allEntries(documents: Documents): readonly Entry[] {
  return documents.list("").flatMap((doc) => documents.entries(doc));
}

async function refusal(promise: Promise<unknown>): Promise<PeerError> {
  const error = await promise.then(
    () => assert.fail("was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PeerError, String(error));
  return error;
}

test("writer: writes entries that pass the checks and count", async () => {
  const documents = await documentsOn(freshDisk());
  const writer = new IntentWriter({ documents, crypto, identity });
  const first = await writer.writeJobVersion(runBody());
  const second = await writer.writeJobVersion(stopBody([first]));
  const entries = documents.entries(DOCUMENT);
  for (const entry of entries) assert.equal(checkEntry(entry, crypto), undefined);
  const { counting, excluded } = createCounting(root.publicKey, crypto)(entries);
  assert.deepEqual(excluded, []);
  assert.equal(first, versionId(runBody(), crypto));
  assert.deepEqual(jobIntent(counting, crypto).heads, [second]);
  assert.equal(jobIntent(counting, crypto).stopped, true);
  assertGapFree(entries);
  await documents.close();
});

test("writer: keeps one gap-free sequence over all jobs and callers at once", async () => {
  const documents = await documentsOn(freshDisk());
  const writer = new IntentWriter({ documents, crypto, identity });
  const bodies = Array.from({ length: 300 }, (_, at) => ({
    ...stopBody(),
    job: `job-${at % 7}` as never,
    submittedAtMs: at,
  }));
  await Promise.all(bodies.map((body) => writer.writeJobVersion(body)));
  assert.equal(allEntries(documents).length, 300);
  assertGapFree(allEntries(documents));
  await documents.close();
});

test("writer: goes on from what the documents hold", async () => {
  const hardware = freshDisk();
  const before = await documentsOn(hardware);
  await new IntentWriter({ documents: before, crypto, identity }).writeJobVersion(runBody());
  await before.close();
  const after = await documentsOn(hardware);
  const writer = new IntentWriter({ documents: after, crypto, identity });
  await writer.writeJobVersion(runBody([], "b"));
  assertGapFree(after.entries(DOCUMENT));
  const next = { ...identity, incarnationId: "2-0011223344556677" };
  await new IntentWriter({ documents: after, crypto, identity: next }).writeJobVersion(runBody([], "c"));
  assert.equal(after.entries(DOCUMENT).at(-1)?.viaSequence, 1);
  assert.equal(after.entries(DOCUMENT).at(-1)?.viaPrevious, undefined);
  await after.close();
});

test("writer: never forks its sequence, wherever the power fails or the process dies", async () => {
  let interrupted = 0;
  for (let seed = 0; seed < 3 * CALLS; seed++) {
    const how: Stop = seed % 3 === 0 ? "kill" : "crash";
    const hardware = freshDisk(seed);
    const stopped = hardware.stopAt(1 + (seed % CALLS), how);
    const acknowledged = new Set<string>();
    const submit = async (writer: IntentWriter, mark: string) => {
      acknowledged.add(await writer.writeJobVersion(runBody([], mark)));
    };
    const whole = (async () => {
      const documents = await documentsOn(hardware);
      const writer = new IntentWriter({ documents, crypto, identity });
      await submit(writer, "first");
      await Promise.all(["a", "b", "c", "d", "e"].map((mark) => submit(writer, mark)));
      await submit(writer, "last");
      return "finished";
    })();
    if ((await Promise.race([whole, stopped])) === undefined) interrupted += 1;
    hardware.crash();
    // Its own disk: the stop may still be ahead.
    const documents = await documentsOn(hardware.clone(seededRandom(seed)));
    const writer = new IntentWriter({ documents, crypto, identity });
    await submit(writer, "after");
    const entries = documents.entries(DOCUMENT);
    assertGapFree(entries, `seed ${seed}`);
    const held = new Set<string>(entries.map(({ body }) => versionId(body as JobVersionBody, crypto)));
    for (const id of acknowledged) assert.ok(held.has(id), `seed ${seed}: an acknowledged version is gone`);
    await documents.close();
  }
  assert.ok(interrupted > 2 * CALLS && interrupted < 3 * CALLS, `${interrupted} runs were interrupted`);
});

test("writer: refuses what would not count, before it takes a place in the sequence", async () => {
  const documents = await documentsOn(freshDisk());
  const writer = new IntentWriter({ documents, crypto, identity });
  const spec = runBody().spec;
  assert.ok(spec !== undefined);
  const bad = await refusal(writer.writeJobVersion({ ...runBody(), spec: { ...spec, priority: 0 } }));
  assert.equal(bad.code, "invalid_job");
  assert.equal(bad.details[0]?.path, "priority");
  const attempts: readonly JobVersionBody[] = [
    { ...stopBody(), job: "../up" as never },
    { ...stopBody(), submittedBy: "" },
    { ...stopBody(), parents: ["x" as never] },
    {
      ...runBody(),
      spec: {
        ...spec,
        meta: Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`k${at}`, "x".repeat(1200)])),
      },
    },
  ];
  const results = await Promise.allSettled([
    ...attempts.map((body) => writer.writeJobVersion(body)),
    writer.writeJobVersion(runBody()),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    [...attempts.map(() => "rejected"), "fulfilled"],
  );
  assertGapFree(allEntries(documents));
  await documents.close();
});

test("writer: after a full disk the next entry takes the place of the lost one", async () => {
  const hardware = freshDisk();
  const documents = await documentsOn(hardware);
  const writer = new IntentWriter({ documents, crypto, identity });
  await writer.writeJobVersion(runBody());
  hardware.capacityBytes = hardware.usedBytes;
  const large = { ...runBody().spec, meta: { pad: "x".repeat(100_000) } } as never;
  const results = await Promise.allSettled([
    writer.writeJobVersion({ ...runBody(), spec: large }),
    writer.writeJobVersion(stopBody()),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  await writer.writeJobVersion(runBody([], "b"));
  assertGapFree(documents.entries(DOCUMENT));
  assert.equal(documents.entries(DOCUMENT).length, 2);
  await documents.close();
});

test("writer: takes a hole in its own sequence for what it is: a bug or a foreign hand", async () => {
  const documents = await documentsOn(freshDisk());
  const hash = entryHash(entryOf(runBody()), crypto);
  await documents.append(
    entryOf(runBody(), { viaIncarnation: INCARNATION, viaSequence: 2, viaPrevious: hash }),
  );
  assert.throws(() => new IntentWriter({ documents, crypto, identity }), InvariantError);
  await documents.close();
});
