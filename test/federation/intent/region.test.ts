import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFounding, type FoundingContent, regionId, signFounding } from "../../../federation/index.ts";
import { crypto, peer, root, stranger } from "./fixtures.ts";

const content: FoundingContent = {
  v: 1,
  kind: "region.founding",
  name: "lyon",
  root: root.publicKey,
  founder: peer.publicKey,
  nonce: "00112233445566778899aabbccddeeff",
  foundedAtMs: 1_700_000_000_000,
};

test("a region's id is the hash of its founding entry", () => {
  const founding = signFounding(content, peer);
  assert.equal(checkFounding(founding, crypto), undefined);
  const id = regionId(founding, crypto);
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(regionId(JSON.parse(JSON.stringify(founding)), crypto), id);
  const namesake = signFounding({ ...content, nonce: "ff112233445566778899aabbccddeeff" }, peer);
  assert.notEqual(regionId(namesake, crypto), id);
});

test("whatever was not signed by the founder is no founding entry", () => {
  const founding = signFounding(content, peer);
  assert.equal(checkFounding({ ...founding, name: "nice" }, crypto)?.path, "signature");
  assert.equal(checkFounding(signFounding(content, stranger), crypto)?.path, "signature");
  assert.equal(checkFounding({ ...founding, name: "../x" }, crypto)?.path, "name");
  assert.equal(checkFounding({ ...founding, v: 2 }, crypto)?.path, "v");
  assert.equal(checkFounding({ ...founding, more: 1 }, crypto)?.path, "more");
  assert.ok(checkFounding(undefined, crypto));
});
