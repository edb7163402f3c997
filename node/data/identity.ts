/**
 * Who this peer is: its key, the mesh's root, the chain of what it may do, its region, which start this is
 * (S9, S16), and the operator's token. Made on the first start, file by file in one order, each durable
 * before the next: what a crash left half made is completed, what was damaged is never overwritten.
 */
import {
  type CapabilityLink,
  type Clock,
  type Crypto,
  type FoundingEntry,
  fromHex,
  isName,
  NAME_LENGTH_MAX,
  type NodeId,
  PeerError,
  type PublicKey,
  REGION_NONCE_BYTES,
  type RegionId,
  regionId,
  type Signer,
  signFounding,
  toHex,
} from "../../federation/index.ts";
import { IdentityFiles, type IdentityFilesOptions, type Membership } from "./identity-files.ts";

export const DEFAULT_REGION_NAME = "local";

const INCARNATION_NONCE_BYTES = 8;
const NODE_ID_LENGTH = 32;
const DEFAULT_NODE_NAME = "peer";

export interface IdentityOptions extends IdentityFilesOptions {
  readonly clock: Pick<Clock, "wall">;
  /** `--region`: names the region on the first start, must agree with it later. */
  readonly regionName?: string;
  /** Asked on the first start: membership for this key, in place of a mesh of its own. */
  readonly redeem?: (key: PublicKey) => Promise<Membership>;
}

export interface Identity {
  readonly nodeId: NodeId;
  readonly signer: Signer;
  /** Public key of the mesh's root. */
  readonly root: PublicKey;
  /** Absent once the root was moved off this machine (S15). */
  readonly rootSigner?: Signer;
  /** From the root to this peer's key. */
  readonly chain: readonly CapabilityLink[];
  readonly region: { readonly id: RegionId; readonly name: string; readonly founding: FoundingEntry };
  /** How many times a peer was started on this identity, this start included. */
  readonly incarnation: number;
  /** `<incarnation>-<random>`: unlike any other start's, also that of a copy of this directory. */
  readonly incarnationId: string;
  /** Whoever holds it is the operator. */
  readonly token: string;
}

/**
 * Reads the identity, makes it on the first start, and counts this start durably. Throws PeerError: `damaged`
 * with what to do, `bad_request` for a region name that is none or not this region's.
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { clock, crypto, random, regionName } = options;
  if (regionName !== undefined && !isName(regionName)) {
    throw new PeerError("bad_request", `${JSON.stringify(regionName)} is no name for a region`, {
      hint: `letters, digits and -_. only, at most ${NAME_LENGTH_MAX}, the first a letter, digit or _`,
    });
  }
  const files = await IdentityFiles.open(options);
  const signer = await files.key();
  const membership = files.isComplete ? undefined : await options.redeem?.(signer.publicKey);
  const rootSigner = await files.root(membership);
  const { root, chain } = await files.chain(signer, rootSigner, membership);
  const incarnation = await files.countStart();
  const founding = await files.region(root, () => {
    if (membership !== undefined) return membership.founding;
    // A member whose own region's entry got lost does not found another one by itself (S9).
    if (rootSigner === undefined) return undefined;
    const content = {
      v: 1,
      kind: "region.founding",
      name: regionName ?? DEFAULT_REGION_NAME,
      root,
      founder: signer.publicKey,
      nonce: toHex(random.bytes(REGION_NONCE_BYTES)),
      foundedAtMs: Math.round(clock.wall()),
    } as const;
    return signFounding(content, signer);
  });
  if (regionName !== undefined && regionName !== founding.name) {
    throw new PeerError("bad_request", `this peer's region is ${founding.name}, not ${regionName}`, {
      hint: "leave --region out, or start a peer of its own for that region with --data",
    });
  }
  return {
    nodeId: nodeIdOf(signer.publicKey, crypto),
    signer,
    root,
    ...(rootSigner === undefined ? {} : { rootSigner }),
    chain,
    region: { id: regionId(founding, crypto), name: founding.name, founding },
    incarnation,
    incarnationId: `${incarnation}-${toHex(random.bytes(INCARNATION_NONCE_BYTES))}`,
    token: await files.token(),
  };
}

/** The first 32 hex digits of the SHA-256 of the raw public key. */
export function nodeIdOf(key: PublicKey, crypto: Pick<Crypto, "sha256">): NodeId {
  return toHex(crypto.sha256(fromHex(key))).slice(0, NODE_ID_LENGTH) as NodeId;
}

/**
 * A valid name from what the machine is called: the host's part of its domain name, other signs made into
 * dashes.
 */
export function nodeNameFrom(hostname: string): string {
  const host = hostname.split(".")[0] ?? "";
  const name = host
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, NAME_LENGTH_MAX)
    .replace(/-+$/, "");
  return isName(name) ? name : DEFAULT_NODE_NAME;
}
