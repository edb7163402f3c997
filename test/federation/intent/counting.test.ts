import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  checkEntry,
  countersign,
  createCounting,
  type Entry,
  type EntryContent,
  type JobVersionBody,
  jobVersionContent,
  signEntry,
  signLink,
} from "../../../federation/index.ts";
import { chain, crypto, entryOf, INCARNATION, peer, root, runBody, stopBody, stranger } from "./fixtures.ts";

const FIRST = { viaIncarnation: INCARNATION, viaSequence: 1 };

function accepted(content: EntryContent, author = peer): Entry {
  const entry = countersign(signEntry(content, author), peer, FIRST);
  assert.equal(checkEntry(entry, crypto), undefined, "arrives");
  return entry;
}

function reasonOf(entry: Entry): string | undefined {
  const { counting, excluded } = createCounting(root.publicKey, crypto)([entry]);
  assert.equal(counting.length + excluded.length, 1);
  return excluded[0]?.reason;
}

describe("counting", () => {
  test("counts what a key with submit signed, in the order given", () => {
    const entries = [entryOf(stopBody()), entryOf(runBody())];
    const count = createCounting(root.publicKey, crypto);
    assert.deepEqual(count(entries), { counting: entries, excluded: [] });
    assert.deepEqual(count(entries.toReversed()).counting, entries.toReversed());
  });

  test("lists what was signed without the right to", () => {
    const own = [signLink(stranger, stranger.publicKey, ["submit"])];
    assert.match(reasonOf(accepted(jobVersionContent(runBody(), stranger, own), stranger)) ?? "", /root/);
    const mute = [signLink(root, peer.publicKey, ["vote"])];
    assert.match(reasonOf(accepted(jobVersionContent(runBody(), peer, mute))) ?? "", /submit/);
    const [link] = chain;
    assert.ok(link !== undefined);
    const forged = [{ ...link, signature: "0".repeat(128) }];
    assert.match(reasonOf(accepted(jobVersionContent(runBody(), peer, forged))) ?? "", /signature/);
  });

  test("lists kinds of a newer release, and takes no property of objects for a kind", () => {
    for (const kind of ["policy.rule", "constructor", "tostring"]) {
      const content = { ...jobVersionContent(stopBody(), peer, chain), kind } as unknown as EntryContent;
      assert.match(reasonOf(accepted(content)) ?? "", /not known to this release/);
    }
  });

  test("lists specifications that this release can't run, with the place", () => {
    const body = runBody();
    const spec = { ...body.spec, gpu: 1 };
    const entry = accepted(jobVersionContent({ ...body, spec } as unknown as JobVersionBody, peer, chain));
    assert.match(reasonOf(entry) ?? "", /gpu/);
  });

  test("verifies an entry once, however often it is asked", () => {
    let verified = 0;
    const count = createCounting(root.publicKey, {
      verify(...of) {
        verified += 1;
        return crypto.verify(...of);
      },
    });
    const entries = [entryOf(runBody()), entryOf(stopBody())];
    for (let turn = 0; turn < 3; turn++) assert.equal(count(entries).counting.length, 2);
    assert.equal(verified, 2);
  });
});
