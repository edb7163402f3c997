/** A region's founding entry (S9): its hash is the region's id for ever, its name only a label. */
import type { Problem } from "../errors.ts";
import type { RegionId } from "../model/ids.ts";
import type { Crypto, PublicKey, Signer } from "../ports.ts";
import { publicKey, signature } from "./capability.ts";
import { hashOf, isSignedBy, signatureOf } from "./digest.ts";
import { integer, name, object, oneOf, problemAt, text } from "./shape.ts";

export interface FoundingContent {
  /** Format version. */
  readonly v: 1;
  readonly kind: "region.founding";
  readonly name: string;
  /** The mesh it belongs to: the mesh's root key. */
  readonly root: PublicKey;
  /** The peer that alone may bootstrap it. */
  readonly founder: PublicKey;
  /** Hex of 16 random bytes: two regions of one name by one founder differ. */
  readonly nonce: string;
  /** As stamped; orders nothing. */
  readonly foundedAtMs: number;
}

export interface FoundingEntry extends FoundingContent {
  /** Ed25519 by `founder`. Hex. */
  readonly signature: string;
}

export const REGION_NONCE_BYTES = 16;

const fields = object<FoundingEntry>({
  v: oneOf(1),
  kind: oneOf("region.founding"),
  name,
  root: publicKey,
  founder: publicKey,
  nonce: text({ max: REGION_NONCE_BYTES * 2, pattern: /^[0-9a-f]{32}$/ }),
  foundedAtMs: integer(0, Number.MAX_SAFE_INTEGER),
  signature,
});

export function signFounding(content: FoundingContent, founder: Signer): FoundingEntry {
  return { ...content, signature: signatureOf("peer.region.founder.v1", content, founder) };
}

/**
 * The first thing that keeps `value` from being a founding entry signed by its founder. Never throws on bad
 * input.
 */
export function checkFounding(value: unknown, crypto: Pick<Crypto, "verify">): Problem | undefined {
  const found = fields(value, "");
  if (found !== undefined) return found;
  const { signature, ...content } = value as FoundingEntry;
  return isSignedBy(content.founder, "peer.region.founder.v1", content, signature, crypto)
    ? undefined
    : problemAt("signature", "is not the founder's");
}

export function regionId(founding: FoundingEntry, crypto: Pick<Crypto, "sha256">): RegionId {
  return hashOf("peer.region.v1", founding, crypto) as string as RegionId;
}
