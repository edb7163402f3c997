/**
 * What this peer holds, as sets of hashes a document with a digest each: two peers whose digests are equal
 * hold the same entries (S5).
 */
import {
  type Crypto,
  type Documents,
  type Entry,
  entryHash,
  fromHex,
  type Hash,
  toHex,
} from "../../federation/index.ts";

const HASH_BYTES = 32;

export interface DocumentDigest {
  readonly doc: string;
  readonly count: number;
  /** Sum, bit by bit without carry, of the hashes: in any order the same. */
  readonly digest: string;
}

interface EntrySet {
  readonly byHash: Map<Hash, Entry>;
  readonly sum: Uint8Array;
}

export class EntrySets {
  readonly #documents: Documents;
  readonly #crypto: Pick<Crypto, "sha256">;
  readonly #sets = new Map<string, EntrySet>();

  constructor(documents: Documents, crypto: Pick<Crypto, "sha256">) {
    this.#documents = documents;
    this.#crypto = crypto;
    for (const doc of documents.list("")) this.refresh(doc);
  }

  /** Takes up what is new in a document, and returns it. */
  refresh(doc: string): readonly Entry[] {
    const entries = this.#documents.entries(doc);
    const set = this.#sets.get(doc) ?? { byHash: new Map(), sum: new Uint8Array(HASH_BYTES) };
    this.#sets.set(doc, set);
    // Documents only grow, at their end.
    const news = entries.slice(set.byHash.size);
    for (const entry of news) {
      const hash = entryHash(entry, this.#crypto);
      set.byHash.set(hash, entry);
      add(set.sum, hash);
    }
    return news;
  }

  has(doc: string, hash: Hash): boolean {
    return this.#sets.get(doc)?.byHash.has(hash) ?? false;
  }

  get(doc: string, hash: Hash): Entry | undefined {
    return this.#sets.get(doc)?.byHash.get(hash);
  }

  /** Sorted. */
  hashes(doc: string): readonly Hash[] {
    return [...(this.#sets.get(doc)?.byHash.keys() ?? [])].sort();
  }

  /** In order of name, after one name. */
  digests(after: string, limit: number): readonly DocumentDigest[] {
    const docs = [...this.#sets.keys()].filter((doc) => doc > after).sort();
    return docs.slice(0, limit).map((doc) => this.digest(doc));
  }

  digest(doc: string): DocumentDigest {
    const set = this.#sets.get(doc);
    return { doc, count: set?.byHash.size ?? 0, digest: toHex(set?.sum ?? new Uint8Array(HASH_BYTES)) };
  }

  /** Of all documents: equal on two peers that hold the same. */
  root(): string {
    const sum = new Uint8Array(HASH_BYTES);
    for (const [doc, set] of this.#sets) {
      const line = new TextEncoder().encode(`${doc} ${toHex(set.sum)}`);
      add(sum, toHex(this.#crypto.sha256(line)));
    }
    return toHex(sum);
  }
}

function add(sum: Uint8Array, hash: string): void {
  for (const [at, byte] of fromHex(hash).entries()) sum[at] = (sum[at] ?? 0) ^ byte;
}
