/**
 * The Crypto port over node:crypto (OpenSSL), whose Ed25519 refuses signatures with another spelling (S not
 * below L).
 */
import {
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import {
  type Crypto,
  fromHex,
  invariant,
  type PublicKey,
  type Signer,
  toHex,
} from "../../federation/index.ts";

const SEED_BYTES = 32;
const SIGNATURE_BYTES = 64;
const PUBLIC_KEY = /^[0-9a-f]{64}$/;
/** Importing a key costs a quarter of a verification; a mesh's keys are few. */
const CACHED_KEYS_MAX = 1024;

/** DER before the raw seed (RFC 8410 section 7) and before the raw public key (section 4). */
const PRIVATE_KEY_HEAD = fromHex("302e020100300506032b657004220420");
const PUBLIC_KEY_HEAD = fromHex("302a300506032b6570032100");

export function createCrypto(): Crypto {
  const keys = new Map<PublicKey, KeyObject>();

  function keyObject(key: PublicKey): KeyObject | undefined {
    const cached = keys.get(key);
    if (cached !== undefined) return cached;
    if (!PUBLIC_KEY.test(key)) return undefined;
    const imported = createPublicKey({
      key: Buffer.concat([PUBLIC_KEY_HEAD, fromHex(key)]),
      format: "der",
      type: "spki",
    });
    // The oldest goes: whoever sends many keys once must not push the memory up.
    if (keys.size >= CACHED_KEYS_MAX) for (const oldest of [...keys.keys()].slice(0, 1)) keys.delete(oldest);
    keys.set(key, imported);
    return imported;
  }

  return {
    sha256: (message) => hash("sha256", message, "buffer"),
    signer: createSigner,
    verify(key, message, signature) {
      if (signature.length !== SIGNATURE_BYTES) return false;
      const imported = keyObject(key);
      return imported !== undefined && verify(null, message, imported, signature);
    },
    equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
  };
}

function createSigner(seed: Uint8Array): Signer {
  invariant(seed.length === SEED_BYTES, `an Ed25519 seed has ${SEED_BYTES} bytes`);
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_KEY_HEAD, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: toHex(spki.subarray(PUBLIC_KEY_HEAD.length)) as PublicKey,
    sign: (message) => sign(null, message, key),
  };
}
