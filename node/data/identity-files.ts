/** The files of a peer's identity: read, checked, made when they are not there yet. */
import {
  type CapabilityLink,
  type Crypto,
  chainShape,
  checkFounding,
  type Disk,
  FOUNDER_CAPABILITIES,
  type FoundingEntry,
  fromHex,
  PeerError,
  type PublicKey,
  type Random,
  type Signer,
  signLink,
  toHex,
  verifyChain,
} from "../../federation/index.ts";

const TOKEN_FILE = "token";

const KEY_FILE = "identity/key";
const ROOT_FILE = "identity/root";
const CHAIN_FILE = "identity/chain";
const STARTS_FILE = "identity/starts";
const REGION_FILE = "identity/region";
/** In the order they are made. The root may be gone again later: moved off the machine (S15). */
const FILES = [KEY_FILE, ROOT_FILE, CHAIN_FILE, STARTS_FILE, REGION_FILE, TOKEN_FILE] as const;
/** What only a peer with an identity has written. */
const DATA_FOLDERS = ["raft", "agent"];

const FORMAT_VERSION = 1;
const SEED_BYTES = 32;
const SEED = /^[0-9a-f]{64}$/;
const TOKEN_BYTES = 32;
const TOKEN = /^peer_[A-Za-z0-9_-]{43}$/;

type FileName = (typeof FILES)[number];

export interface IdentityFilesOptions {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly random: Random;
  /** For messages: where the files of `disk` are. */
  readonly directory: string;
}

export interface Chain {
  readonly root: PublicKey;
  readonly chain: readonly CapabilityLink[];
}

/** What makes a key a member of a mesh and of a region that are there already (S9, S18). */
export interface Membership extends Chain {
  readonly founding: FoundingEntry;
}

export class IdentityFiles {
  readonly #options: IdentityFilesOptions;
  readonly #found: ReadonlyMap<FileName, Uint8Array>;

  private constructor(options: IdentityFilesOptions, found: ReadonlyMap<FileName, Uint8Array>) {
    this.#options = options;
    this.#found = found;
  }

  /** Throws PeerError `damaged` when a file is missing that must have been there. */
  static async open(options: IdentityFilesOptions): Promise<IdentityFiles> {
    const found = new Map<FileName, Uint8Array>();
    for (const name of FILES) {
      const data = await options.disk.read(name);
      if (data !== undefined) found.set(name, data);
    }
    const files = new IdentityFiles(options, found);
    await files.#refuseGaps();
    return files;
  }

  /** The peer's own key. */
  async key(): Promise<Signer> {
    return this.#readKey(KEY_FILE) ?? (await this.#makeKey(KEY_FILE));
  }

  /** It was made a member, or a mesh of its own, on an earlier start. */
  get isComplete(): boolean {
    return this.#found.has(CHAIN_FILE) && this.#found.has(REGION_FILE);
  }

  /** The mesh's root key; undefined when it was moved off this machine, or never was on it. */
  async root(membership: Membership | undefined): Promise<Signer | undefined> {
    const known = this.#readKey(ROOT_FILE);
    if (known !== undefined || membership !== undefined || this.#found.has(CHAIN_FILE)) return known;
    return this.#makeKey(ROOT_FILE);
  }

  async chain(peer: Signer, root: Signer | undefined, membership: Membership | undefined): Promise<Chain> {
    const value = this.#parse(CHAIN_FILE);
    if (value === undefined && membership !== undefined) return this.#takeChain(peer, membership);
    if (value === undefined) {
      if (root === undefined) throw this.#damaged(ROOT_FILE, "is missing");
      const made = {
        root: root.publicKey,
        chain: [signLink(root, peer.publicKey, FOUNDER_CAPABILITIES)],
      };
      await this.#write(CHAIN_FILE, made);
      return made;
    }
    const problem = chainShape(value["chain"], "chain");
    if (problem !== undefined) throw this.#damaged(CHAIN_FILE, `${problem.path} ${problem.message}`);
    const known = value as unknown as Chain;
    const claim = { root: known.root, subject: peer.publicKey, capability: "submit" } as const;
    const reason =
      root !== undefined && root.publicKey !== known.root
        ? "is of another root"
        : verifyChain(known.chain, claim, this.#options.crypto);
    if (reason !== undefined) throw this.#damaged(CHAIN_FILE, reason);
    return known;
  }

  async #takeChain(peer: Signer, { chain, root }: Membership): Promise<Chain> {
    const claim = { root, subject: peer.publicKey, capability: "submit" } as const;
    const reason = chainShape(chain, "chain")?.message ?? verifyChain(chain, claim, this.#options.crypto);
    if (reason !== undefined) {
      throw new PeerError("forbidden", `this peer can't join with that certificate: ${reason}`, {
        hint: "ask for another ticket",
      });
    }
    await this.#write(CHAIN_FILE, { root, chain });
    return { root, chain };
  }

  /** One more than before; durable on return. */
  async countStart(): Promise<number> {
    const value = this.#parse(STARTS_FILE);
    const before = value === undefined ? 0 : value["starts"];
    if (!Number.isSafeInteger(before) || (before as number) < 0)
      throw this.#damaged(STARTS_FILE, "holds no count");
    const starts = (before as number) + 1;
    await this.#write(STARTS_FILE, { starts });
    return starts;
  }

  /** `make` gives none where this peer neither founds a region nor was just made a member of one. */
  async region(root: PublicKey, make: () => FoundingEntry | undefined): Promise<FoundingEntry> {
    const value = this.#parse(REGION_FILE);
    if (value === undefined) {
      const founding = make();
      if (founding === undefined) throw this.#damaged(REGION_FILE, "is missing");
      const reason = checkFounding(founding, this.#options.crypto)?.message;
      if (reason !== undefined || founding.root !== root) {
        const why = reason ?? "it is of another mesh";
        throw new PeerError("forbidden", `this peer can't join that region: its founding entry: ${why}`, {
          hint: "ask for another ticket",
        });
      }
      await this.#write(REGION_FILE, { founding });
      return founding;
    }
    const problem = checkFounding(value["founding"], this.#options.crypto);
    if (problem !== undefined) throw this.#damaged(REGION_FILE, `${problem.path} ${problem.message}`);
    const founding = value["founding"] as FoundingEntry;
    if (founding.root !== root) throw this.#damaged(REGION_FILE, "is of another mesh");
    return founding;
  }

  /** A person may replace it, or remove it to have a new one made. */
  async token(): Promise<string> {
    const { directory, disk, random } = this.#options;
    const data = this.#found.get(TOKEN_FILE);
    if (data === undefined) {
      const token = `peer_${Buffer.from(random.bytes(TOKEN_BYTES)).toString("base64url")}`;
      await disk.write(TOKEN_FILE, new TextEncoder().encode(`${token}\n`));
      return token;
    }
    const token = new TextDecoder().decode(data).trim();
    if (!TOKEN.test(token)) {
      throw new PeerError("damaged", `${directory}/${TOKEN_FILE} holds no operator token`, {
        hint: "remove the file and start again: a new token is made, the old one is void",
      });
    }
    return token;
  }

  /** Files are made in one order, so a crash leaves a beginning of it. Anything else was lost. */
  async #refuseGaps(): Promise<void> {
    const { directory, disk } = this.#options;
    const made = FILES.filter((name) => name !== ROOT_FILE);
    const gap = made.findIndex((name) => !this.#found.has(name));
    const later: string[] = gap === -1 ? [] : made.slice(gap).filter((name) => this.#found.has(name));
    if (gap === 0) {
      if (this.#found.has(ROOT_FILE)) later.push(ROOT_FILE);
      for (const folder of DATA_FOLDERS) if ((await disk.list(folder)).length > 0) later.push(`${folder}/`);
    }
    if (later.length === 0) return;
    throw new PeerError("damaged", `${directory}/${made[gap]} is missing, but there is ${later.join(", ")}`, {
      hint: restoreHint(directory),
    });
  }

  /** A seed with its public key beside it, which tells a changed digit from another key. */
  #readKey(name: FileName): Signer | undefined {
    const value = this.#parse(name);
    if (value === undefined) return undefined;
    const seed = value["ed25519_seed"];
    if (typeof seed !== "string" || !SEED.test(seed)) throw this.#damaged(name, "holds no key");
    const signer = this.#options.crypto.signer(fromHex(seed));
    if (signer.publicKey !== value["public_key"]) throw this.#damaged(name, "holds halves of two keys");
    return signer;
  }

  async #makeKey(name: FileName): Promise<Signer> {
    const seed = this.#options.random.bytes(SEED_BYTES);
    const signer = this.#options.crypto.signer(seed);
    await this.#write(name, { ed25519_seed: toHex(seed), public_key: signer.publicKey });
    return signer;
  }

  async #write(name: FileName, value: object): Promise<void> {
    const text = JSON.stringify({ v: FORMAT_VERSION, ...value });
    await this.#options.disk.write(name, new TextEncoder().encode(`${text}\n`));
  }

  #parse(name: FileName): Readonly<Record<string, unknown>> | undefined {
    const data = this.#found.get(name);
    if (data === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
    } catch {
      throw this.#damaged(name, "can't be read");
    }
    if (typeof value !== "object" || value === null) throw this.#damaged(name, "can't be read");
    const fields = value as Record<string, unknown>;
    if (fields["v"] === FORMAT_VERSION) return fields;
    throw this.#damaged(name, `has format version ${String(fields["v"])}`);
  }

  #damaged(name: FileName, what: string): PeerError {
    const { directory } = this.#options;
    return new PeerError("damaged", `${directory}/${name} ${what}`, { hint: restoreHint(directory) });
  }
}

function restoreHint(directory: string): string {
  return (
    `put the folder identity back from a backup of ${directory}; without one, move ${directory} away ` +
    "and start anew: a new peer, whose jobs have to be submitted again"
  );
}
