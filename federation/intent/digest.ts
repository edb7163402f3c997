/**
 * Hashes and signatures of plain values. Every use has a domain of its own, so that a signature made for one
 * purpose never passes for another.
 */
import { canonicalBytes } from "../canonical.ts";
import { invariant } from "../invariant.ts";
import type { Crypto, Hash, PublicKey, Signer } from "../ports.ts";

export type Domain =
  | "peer.capability.v1"
  | "peer.entry.author.v1"
  | "peer.entry.v1"
  | "peer.entry.via.v1"
  | "peer.region.founder.v1"
  | "peer.region.v1"
  | "peer.scale.v1"
  | "peer.tag.v1"
  | "peer.version.v1";

/** Characters of an Ed25519 signature in hex. */
export const SIGNATURE_LENGTH = 128;

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const HEX = /^(?:[0-9a-f]{2})*$/;
const encoder = new TextEncoder();

/** Lower case. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_BYTES[byte];
  return text;
}

/**
 * Of lower-case hex only: what is signed or hashed has one spelling. Anything else is a bug of the caller.
 */
export function fromHex(text: string): Uint8Array {
  invariant(HEX.test(text), "fromHex needs whole bytes in lower-case hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

/**
 * SHA-256 of the value's canonical form within a domain. Throws PeerError `bad_request` on what JSON can't
 * carry.
 */
export function hashOf(domain: Domain, value: unknown, crypto: Pick<Crypto, "sha256">): Hash {
  return toHex(crypto.sha256(message(domain, value))) as Hash;
}

/** Ed25519 over the value's canonical form within a domain, in hex. Throws as `hashOf` does. */
export function signatureOf(domain: Domain, value: unknown, signer: Signer): string {
  return toHex(signer.sign(message(domain, value)));
}

/** False as well when `signature` is not hex at all. */
export function isSignedBy(
  key: PublicKey,
  domain: Domain,
  value: unknown,
  signature: string,
  crypto: Pick<Crypto, "verify">,
): boolean {
  if (signature.length !== SIGNATURE_LENGTH || !HEX.test(signature)) return false;
  return crypto.verify(key, message(domain, value), fromHex(signature));
}

/**
 * No domain holds a line break and no canonical form begins with one: the two can't be shifted into each
 * other.
 */
function message(domain: Domain, value: unknown): Uint8Array {
  const head = encoder.encode(`${domain}\n`);
  const body = canonicalBytes(value);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
