/**
 * What a key may do, as a chain of signed links from the mesh's root (S14, S15): the root names a first key
 * and what it may do, that key may hand on what it has, never more (the attenuation of SPKI certificates, RFC
 * 2693 section 6.3).
 */
import { invariant } from "../invariant.ts";
import type { Crypto, PublicKey, Signer } from "../ports.ts";
import { isSignedBy, SIGNATURE_LENGTH, signatureOf } from "./digest.ts";
import type { CapabilityLink } from "./entry.ts";
import { type Check, isAscending, list, object, problemAt, text } from "./shape.ts";

/**
 * Sorted. `submit` signs intent, `vote` takes part in a region's authority (S10), `keep` opens its secrets
 * (S20), `relay` carries others' traffic, `label` signs trusted labels (S17), `invite` makes tickets (S18),
 * `revoke` voids keys (S15), `admin` signs recoveries and repairs (S11, S15).
 */
export const CAPABILITIES = [
  "admin",
  "invite",
  "keep",
  "label",
  "relay",
  "revoke",
  "submit",
  "vote",
] as const;

export type Capability = (typeof CAPABILITIES)[number];

/**
 * What a peer gets that founds a mesh: all that it does without a person; `admin`, `label`, `revoke` stay
 * with the root.
 */
export const FOUNDER_CAPABILITIES: readonly Capability[] = ["invite", "keep", "relay", "submit", "vote"];

/** Root, region, admin, machine, token, and room for as many again. */
export const CHAIN_LINKS_MAX = 8;
/** Of one link; newer releases may know more names than this one. */
const CAPABILITIES_MAX = 64;

export const publicKey = text({ max: 64, pattern: /^[0-9a-f]{64}$/ });
export const signature = text({ max: SIGNATURE_LENGTH, pattern: /^[0-9a-f]{128}$/ });

const linkFields = object<CapabilityLink>({
  issuer: publicKey,
  subject: publicKey,
  capabilities: list(text({ max: 63, pattern: /^[a-z][a-z0-9.-]*$/ }), { max: CAPABILITIES_MAX }),
  signature,
});

const link: Check = (value, path) => {
  const found = linkFields(value, path);
  if (found !== undefined) return found;
  return isAscending((value as CapabilityLink).capabilities)
    ? undefined
    : problemAt(`${path}.capabilities`, "must be sorted and without duplicates");
};

/** The form alone: bounded, and each link issued by the one before. Signatures are `verifyChain`'s. */
export const chainShape: Check = (value, path) => {
  const found = list(link, { min: 1, max: CHAIN_LINKS_MAX })(value, path);
  if (found !== undefined) return found;
  const links = value as readonly CapabilityLink[];
  const torn = links.findIndex((each, at) => at > 0 && each.issuer !== links[at - 1]?.subject);
  return torn === -1
    ? undefined
    : problemAt(`${path}[${torn}].issuer`, "is not the subject of the link before");
};

/** Signs that `subject` may do this. `capabilities` in any order. */
export function signLink(
  issuer: Signer,
  subject: PublicKey,
  capabilities: readonly Capability[],
): CapabilityLink {
  const content = { issuer: issuer.publicKey, subject, capabilities: [...new Set(capabilities)].sort() };
  return { ...content, signature: signatureOf("peer.capability.v1", content, issuer) };
}

/** The root's own link, signed by itself: what a chain begins with when the root acts in person. */
export function signRootLink(root: Signer): CapabilityLink {
  return signLink(root, root.publicKey, CAPABILITIES);
}

export interface ChainClaim {
  readonly root: PublicKey;
  readonly subject: PublicKey;
  readonly capability: Capability;
}

/**
 * Why the chain does not give `claim.subject` the capability, or undefined when it does: it begins at the
 * root, ends at the subject, every link is signed by its issuer, and the capability is named in every link.
 */
export function verifyChain(
  chain: readonly CapabilityLink[],
  claim: ChainClaim,
  crypto: Pick<Crypto, "verify">,
): string | undefined {
  invariant(chain.length > 0 && chain.length <= CHAIN_LINKS_MAX, "a chain has 1 to CHAIN_LINKS_MAX links");
  let holder = claim.root;
  for (const { signature, ...content } of chain) {
    if (content.issuer !== holder) {
      return holder === claim.root
        ? "its capability chain does not begin at this mesh's root"
        : "its capability chain is torn";
    }
    if (!content.capabilities.includes(claim.capability))
      return `its key was not given the capability ${claim.capability}`;
    if (!isSignedBy(content.issuer, "peer.capability.v1", content, signature, crypto))
      return "a link of its capability chain has a wrong signature";
    holder = content.subject;
  }
  return holder === claim.subject ? undefined : "its capability chain ends at another key";
}
