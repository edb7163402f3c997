/** Peers with different entries come to hold the same, whatever was lost on the way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EntrySync, openDocuments } from "../../../crdt/index.ts";
import {
  type Documents,
  type Entry,
  entryHash,
  type NodeId,
  type ViaPosition,
} from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock, MemoryDisk } from "../../../lab/index.ts";
import { crypto, entryOf, INCARNATION, runBody } from "../../federation/intent/fixtures.ts";
import { LinkHub } from "../../support/link-hub.ts";

const log = () => undefined;

/** Entries of one incarnation, each following the one before. */
const ENTRIES: readonly Entry[] = sequence(24);

function sequence(length: number): readonly Entry[] {
  const entries: Entry[] = [];
  let position: ViaPosition = { viaIncarnation: INCARNATION, viaSequence: 1 };
  for (let at = 0; at < length; at++) {
    const entry = entryOf(runBody([], `mark ${at}`), position);
    entries.push(entry);
    const viaPrevious = entryHash(entry, crypto);
    position = { viaIncarnation: INCARNATION, viaSequence: at + 2, viaPrevious };
  }
  return entries;
}

class Mesh {
  readonly hub = new LinkHub();
  readonly clock = new ManualClock();
  readonly peers: { readonly name: string; readonly documents: Documents; readonly sync: EntrySync }[] = [];

  async join(name: string, held: readonly Entry[] = []): Promise<Documents> {
    const random = seededRandom(name);
    const disk = new MemoryDisk({ random });
    const documents = await openDocuments({ disk: disk.mount(), crypto, log });
    for (const entry of held) await documents.append(entry);
    const links = this.hub.join(name);
    const sync = new EntrySync({ documents, crypto, links, clock: this.clock, random, log });
    this.peers.push({ name, documents, sync });
    return documents;
  }

  async settle(ms = 0): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await this.clock.advance(ms / 20);
  }

  held(name: string): readonly string[] {
    const documents = this.peers.find((peer) => peer.name === name)?.documents;
    const entries = documents?.list("").flatMap((doc) => documents.entries(doc)) ?? [];
    return entries.map((entry) => entryHash(entry, crypto)).sort();
  }

  close(): void {
    for (const { sync } of this.peers) sync.close();
  }
}

describe("entries", () => {
  test("of either side reach the other when a link opens", async () => {
    const mesh = new Mesh();
    await mesh.join("a", ENTRIES.slice(0, 8));
    await mesh.join("b", ENTRIES.slice(4, 12));
    mesh.hub.open("a", "b");
    await mesh.settle();
    assert.equal(mesh.held("a").length, 12);
    assert.deepEqual(mesh.held("a"), mesh.held("b"));
    mesh.close();
  });

  test("that are new are passed on at once, also to who is linked to a neighbour alone", async () => {
    const mesh = new Mesh();
    const first = await mesh.join("a");
    await mesh.join("b");
    await mesh.join("c");
    mesh.hub.cut("a", "c");
    const [entry] = ENTRIES;
    assert.ok(entry !== undefined);
    await first.append(entry);
    await mesh.settle();
    assert.deepEqual([mesh.held("b").length, mesh.held("c").length], [1, 1]);
    mesh.close();
  });

  test("that were lost on the way are found by a later round", async () => {
    const mesh = new Mesh();
    const first = await mesh.join("a");
    await mesh.join("b");
    mesh.hub.carries = () => false;
    for (const entry of ENTRIES.slice(0, 3)) await first.append(entry);
    await mesh.settle();
    assert.equal(mesh.held("b").length, 0);
    mesh.hub.carries = () => true;
    await mesh.settle(60_000);
    assert.deepEqual(mesh.held("b"), mesh.held("a"));
    mesh.close();
  });

  test("are not sent to who holds the same", async () => {
    const mesh = new Mesh();
    await mesh.join("a", ENTRIES);
    await mesh.join("b", ENTRIES);
    let bytes = 0;
    mesh.hub.carries = (_from, _to, _channel, data) => {
      bytes += data.length;
      return true;
    };
    mesh.hub.open("a", "b");
    await mesh.settle();
    assert.ok(bytes < 300, `${bytes} bytes`);
    mesh.close();
  });

  test("are the same everywhere after any losses, cuts and heals", async () => {
    const act = fc.oneof(
      fc.record({ peer: fc.nat(2), entry: fc.nat(ENTRIES.length - 1) }),
      fc.record({ cut: fc.nat(2) }),
      fc.record({ heal: fc.nat(2) }),
    );
    const run = async (
      acts: readonly (typeof act extends fc.Arbitrary<infer A> ? A : never)[],
      loss: number,
    ) => {
      const mesh = new Mesh();
      const names = ["a", "b", "c"];
      const random = seededRandom(`loss ${loss}`);
      const documents = [];
      for (const name of names) documents.push(await mesh.join(name));
      mesh.hub.carries = () => random.next() * 100 >= loss;
      const side = (at: number): [string, string] => [names[at] ?? "a", names[(at + 1) % 3] ?? "b"];
      for (const each of acts) {
        if ("cut" in each) mesh.hub.cut(...side(each.cut));
        else if ("heal" in each) mesh.hub.open(...side(each.heal));
        else await documents[each.peer]?.append(ENTRIES[each.entry] as Entry);
        await mesh.settle(1000);
      }
      mesh.hub.carries = () => true;
      for (const at of [0, 1, 2]) mesh.hub.open(...side(at));
      await mesh.settle(100_000);
      assert.deepEqual(mesh.held("a"), mesh.held("b"));
      assert.deepEqual(mesh.held("b"), mesh.held("c"));
      mesh.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 12 }), fc.nat(60), run), { numRuns: 20 });
  });

  test("and messages that are none are dropped and counted", async () => {
    const mesh = new Mesh();
    await mesh.join("a", ENTRIES.slice(0, 1));
    const hostile = mesh.hub.join("x");
    const send = (value: unknown) =>
      hostile.send("a" as NodeId, "sync", new TextEncoder().encode(JSON.stringify(value)));
    const [entry] = ENTRIES;
    const bad: readonly unknown[] = [
      null,
      {},
      { v: 2, kind: "root", root: "" },
      { v: 1, kind: "digests", after: "", until: "", digests: [[1]] },
      { v: 1, kind: "wants", doc: "x", hashes: Array.from({ length: 5000 }, () => "") },
      { v: 1, kind: "entries", entries: [{ ...entry, doc: "job/default/other" }, null, 3] },
    ];
    for (const value of bad) send(value);
    await mesh.settle();
    assert.equal(mesh.peers[0]?.sync.dropped, 8);
    assert.equal(mesh.held("a").length, 1);
    mesh.close();
  });
});
