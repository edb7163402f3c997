import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CAPABILITIES,
  type CapabilityLink,
  chainShape,
  FOUNDER_CAPABILITIES,
  InvariantError,
  type PublicKey,
  signLink,
  signRootLink,
  verifyChain,
} from "../../../federation/index.ts";
import { chain, crypto, peer, root, signerOf, stranger } from "./fixtures.ts";

function reason(links: readonly CapabilityLink[], subject: PublicKey, capability = "submit" as const) {
  assert.equal(chainShape(links, "chain"), undefined);
  return verifyChain(links, { root: root.publicKey, subject, capability }, crypto);
}

describe("a capability chain", () => {
  test("gives what the root gave", () => {
    assert.equal(reason(chain, peer.publicKey), undefined);
    for (const capability of CAPABILITIES) {
      const given = verifyChain(chain, { root: root.publicKey, subject: peer.publicKey, capability }, crypto);
      assert.equal(given === undefined, FOUNDER_CAPABILITIES.includes(capability), capability);
    }
  });

  test("may begin with the root's own link", () => {
    assert.equal(reason([signRootLink(root)], root.publicKey), undefined);
    assert.equal(
      reason([signRootLink(root), signLink(root, peer.publicKey, ["submit"])], peer.publicKey),
      undefined,
    );
  });

  test("is handed on, but never widened", () => {
    const token = signerOf(7);
    const handed = signLink(peer, token.publicKey, ["submit"]);
    assert.equal(reason([...chain, handed], token.publicKey), undefined);
    const narrow = [signLink(root, peer.publicKey, ["vote"]), handed];
    assert.match(reason(narrow, token.publicKey) ?? "", /not given the capability submit/);
    const withheld = [...chain, signLink(peer, token.publicKey, ["vote"])];
    assert.match(reason(withheld, token.publicKey) ?? "", /not given the capability submit/);
  });

  test("of another root, of another key or torn gives nothing", () => {
    const foreign = [signLink(stranger, peer.publicKey, ["submit"])];
    assert.match(reason(foreign, peer.publicKey) ?? "", /this mesh's root/);
    assert.match(reason(chain, stranger.publicKey) ?? "", /another key/);
    const torn = [...chain, signLink(stranger, signerOf(7).publicKey, ["submit"])];
    const claim = { root: root.publicKey, subject: signerOf(7).publicKey, capability: "submit" } as const;
    assert.match(verifyChain(torn, claim, crypto) ?? "", /torn/);
  });

  test("with a link that its issuer did not sign so gives nothing", () => {
    const [link] = chain;
    assert.ok(link !== undefined);
    const more = { ...link, capabilities: [...link.capabilities, "zeal"] };
    assert.match(reason([more], peer.publicKey) ?? "", /wrong signature/);
    const stolen = { ...link, subject: stranger.publicKey };
    assert.match(reason([stolen], stranger.publicKey) ?? "", /wrong signature/);
  });

  test("of a wrong form is told by its shape, and a bug to verify", () => {
    assert.ok(chainShape([], "chain"));
    assert.ok(chainShape(undefined, "chain"));
    assert.ok(chainShape(new Array(9).fill(chain[0]), "chain"));
    assert.equal(
      chainShape([{ ...chain[0], capabilities: ["vote", "submit"] }], "chain")?.path,
      "chain[0].capabilities",
    );
    assert.equal(chainShape([{ ...chain[0], more: 1 }], "chain")?.path, "chain[0].more");
    const claim = { root: root.publicKey, subject: peer.publicKey, capability: "submit" } as const;
    assert.throws(() => verifyChain([], claim, crypto), InvariantError);
  });

  test("names are sorted and told once, however they are given", () => {
    assert.deepEqual(signLink(root, peer.publicKey, ["vote", "submit", "vote"]).capabilities, [
      "submit",
      "vote",
    ]);
    assert.deepEqual([...CAPABILITIES].sort(), [...CAPABILITIES]);
  });
});
