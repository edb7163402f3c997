/** What every Documents port does, whatever is behind it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Documents, type Entry, entryHash, PeerError } from "../../federation/index.ts";
import { crypto, entryOf, INCARNATION, peer, runBody, stopBody } from "../federation/intent/fixtures.ts";

export interface DocumentsWorld {
  /** What a peer finds that starts now. */
  open(): Promise<Documents>;
  close(): Promise<void>;
}

const DOCUMENT = "job/default/hello";
const first = entryOf(runBody());
const second = entryOf(stopBody([]), {
  viaIncarnation: INCARNATION,
  viaSequence: 2,
  viaPrevious: entryHash(first, crypto),
});

const PROMISES: Readonly<Record<string, (world: DocumentsWorld) => Promise<void>>> = {
  "holds what was appended, and again after a restart": async (world) => {
    const documents = await world.open();
    assert.deepEqual(documents.entries(DOCUMENT), []);
    assert.deepEqual(documents.list(""), []);
    await documents.append(first);
    await documents.append(second);
    assert.deepEqual(documents.entries(DOCUMENT), [first, second]);
    await documents.close();
    const again = await world.open();
    assert.deepEqual(again.entries(DOCUMENT), [first, second]);
    await again.close();
  },

  "takes an entry once, however often it comes": async (world) => {
    const documents = await world.open();
    let told = 0;
    documents.watch(() => {
      told += 1;
    });
    const copy = structuredClone(first);
    await Promise.all([documents.append(first), documents.append(copy), documents.append(first)]);
    await documents.append(copy);
    assert.equal(documents.entries(DOCUMENT).length, 1);
    assert.equal(told, 1);
    await documents.close();
    const again = await world.open();
    assert.equal(again.entries(DOCUMENT).length, 1);
    await again.append(first);
    assert.equal(again.entries(DOCUMENT).length, 1);
    await again.close();
  },

  "refuses what fails the checks, naming the place, and keeps nothing of it": async (world) => {
    const documents = await world.open();
    const forged = { ...first, body: { ...first.body, submittedBy: "mallory" } };
    await assert.rejects(documents.append(forged), (error: unknown) => {
      assert.ok(error instanceof PeerError);
      assert.equal(error.code, "bad_request");
      assert.equal(error.details[0]?.path, "signature");
      return true;
    });
    await assert.rejects(documents.append(undefined as unknown as Entry), PeerError);
    assert.deepEqual(documents.list(""), []);
    await documents.close();
  },

  "tells watchers once the entry is there to be read, until they cancel": async (world) => {
    const documents = await world.open();
    const seen: string[] = [];
    const watch = (doc: string) => void seen.push(`${doc}: ${documents.entries(doc).length}`);
    const cancel = documents.watch(watch);
    const cancelSecond = documents.watch(watch);
    await documents.append(first);
    assert.deepEqual(seen, [`${DOCUMENT}: 1`, `${DOCUMENT}: 1`]);
    cancel();
    cancel();
    await documents.append(second);
    assert.equal(seen.length, 3);
    cancelSecond();
    await documents.close();
  },

  "lists documents by prefix, sorted; what it answered before stays as it was": async (world) => {
    const documents = await world.open();
    const jobs = ["zeta", "alpha", "beta"];
    for (const job of jobs) await documents.append(entryOf({ ...stopBody(), job: job as never }));
    const other = entryOf({ ...stopBody(), namespace: "other" });
    const before = documents.entries("job/other/hello");
    await documents.append(other);
    assert.deepEqual(before, []);
    assert.deepEqual(documents.list("job/default/"), [
      "job/default/alpha",
      "job/default/beta",
      "job/default/zeta",
    ]);
    assert.deepEqual(documents.list("").length, 4);
    assert.deepEqual(documents.list("none/"), []);
    await documents.close();
  },

  "takes what other peers accepted, in any order": async (world) => {
    const documents = await world.open();
    await documents.append(second);
    await documents.append(first);
    assert.equal(documents.entries(DOCUMENT).length, 2);
    assert.equal(first.via, peer.publicKey);
    await documents.close();
  },

  "closed, finishes what it took and takes no more": async (world) => {
    const documents = await world.open();
    const appended = documents.append(first);
    await documents.close();
    await documents.close();
    await appended;
    await assert.rejects(documents.append(second), (error: unknown) => {
      assert.ok(error instanceof PeerError && error.code === "stopping");
      return true;
    });
    const again = await world.open();
    assert.deepEqual(again.entries(DOCUMENT), [first]);
    await again.close();
  },
};

export function documentsContract(name: string, createWorld: () => Promise<DocumentsWorld>): void {
  for (const [promise, hold] of Object.entries(PROMISES)) {
    test(`Documents (${name}) ${promise}`, async () => {
      const world = await createWorld();
      try {
        await hold(world);
      } finally {
        await world.close();
      }
    });
  }
}
