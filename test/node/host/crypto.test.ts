import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { InvariantError, type PublicKey, toHex } from "../../../federation/index.ts";
import { createCrypto } from "../../../node/host/crypto.ts";

interface WycheproofFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: "valid" | "invalid";
    }[];
  }[];
}

/** RFC 8032 section 7.1: seed, public key, message, signature. */
const RFC_8032 = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
  [
    "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589" +
      "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  ],
] as const;

function bytes(hex: string): Uint8Array {
  return Buffer.from(hex, "hex");
}

describe("Crypto over node:crypto", () => {
  const crypto = createCrypto();

  test("signs as RFC 8032 does", () => {
    for (const [seed, publicKey, message, signature] of RFC_8032) {
      const signer = crypto.signer(bytes(seed));
      assert.equal(signer.publicKey, publicKey);
      assert.equal(toHex(signer.sign(bytes(message))), signature);
      assert.equal(crypto.verify(signer.publicKey, bytes(message), bytes(signature)), true);
    }
  });

  test("judges every Ed25519 case of Project Wycheproof as it should", () => {
    const file = new URL("../../vectors/wycheproof_ed25519.json", import.meta.url);
    const vectors = JSON.parse(readFileSync(file, "utf8")) as WycheproofFile;
    let judged = 0;
    for (const { publicKey, tests } of vectors.testGroups) {
      for (const { tcId, comment, msg, sig, result } of tests) {
        const verdict = crypto.verify(publicKey.pk as PublicKey, bytes(msg), bytes(sig));
        assert.equal(verdict, result === "valid", `case ${tcId}: ${comment}`);
        judged += 1;
      }
    }
    assert.equal(judged, vectors.numberOfTests);
    assert.ok(judged > 100);
  });

  test("SHA-256 of FIPS 180-2's example", () => {
    assert.equal(
      toHex(crypto.sha256(new TextEncoder().encode("abc"))),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  test("a key or signature of a wrong form is wrong, not an exception", () => {
    const signer = crypto.signer(new Uint8Array(32));
    const message = bytes("00");
    const signature = signer.sign(message);
    assert.equal(crypto.verify(signer.publicKey, message, signature), true);
    for (const key of ["", "zz", signer.publicKey.toUpperCase(), `${signer.publicKey}00`, "f".repeat(64)])
      assert.equal(crypto.verify(key as PublicKey, message, signature), false, key);
    assert.equal(crypto.verify(signer.publicKey, message, new Uint8Array(0)), false);
    assert.equal(crypto.verify(signer.publicKey, message, new Uint8Array(65)), false);
    assert.throws(() => crypto.signer(new Uint8Array(31)), InvariantError);
  });

  test("answers stay right when more keys are used than are remembered", () => {
    const message = bytes("01");
    const signature = crypto.signer(new Uint8Array(32)).sign(message);
    const own = crypto.signer(new Uint8Array(32)).publicKey;
    const others = RFC_8032.map(([, publicKey]) => publicKey as PublicKey);
    assert.equal(crypto.verify(own, message, signature), true);
    for (let at = 0; at < 1100; at++) {
      // Any 32 bytes can be imported; hardly any is a point that this signature fits.
      const key = toHex(crypto.sha256(new Uint8Array([at, at >> 8]))) as PublicKey;
      assert.equal(crypto.verify(key, message, signature), false);
    }
    for (const key of others) assert.equal(crypto.verify(key, message, signature), false);
    assert.equal(crypto.verify(own, message, signature), true);
  });

  test("equal compares length and bytes", () => {
    assert.equal(crypto.equal(bytes("0102"), bytes("0102")), true);
    assert.equal(crypto.equal(bytes("0102"), bytes("0103")), false);
    assert.equal(crypto.equal(bytes("0102"), bytes("01")), false);
    assert.equal(crypto.equal(bytes(""), bytes("")), true);
  });
});
