/**
 * Keeps the entries of linked peers the same (S2): what is new is passed on at once, what was missed is found
 * by comparing digests, when a link opens and every so often. Grow-only sets reconcile in any order; whoever
 * passes an entry on, its signatures are checked on its way in.
 */
import {
  type Cancel,
  type Crypto,
  type Documents,
  type Entry,
  type Hash,
  type Host,
  type Links,
  type NodeId,
  PeerError,
} from "../../federation/index.ts";
import { EntrySets } from "./entry-sets.ts";
import {
  DIGESTS_MAX,
  decodeMessage,
  encodeMessage,
  entryMessages,
  HASHES_MAX,
  type SyncMessage,
} from "./message.ts";

/** Two peers compare so often though nothing tells them to; with a quarter of jitter. */
const ROUND_MS = 20_000;
/** News is passed on to so many; digests bring it to the others. */
const NEIGHBOURS_MAX = 8;

export interface EntrySyncWorld extends Pick<Host, "clock" | "random" | "log"> {
  readonly documents: Documents;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly links: Links;
}

export class EntrySync {
  readonly #world: EntrySyncWorld;
  readonly #sets: EntrySets;
  /** Whom an entry under way came from: it is not told again. */
  readonly #sources = new WeakMap<object, NodeId>();
  readonly #stops: readonly Cancel[];
  #round: Cancel = () => undefined;
  #closed = false;
  #dropped = 0;

  constructor(world: EntrySyncWorld) {
    this.#world = world;
    this.#sets = new EntrySets(world.documents, world.crypto);
    this.#stops = [
      world.documents.watch((doc) => this.#passOn(doc)),
      world.links.watch({
        opened: (peer) => this.#compare(peer),
        closed: () => undefined,
        message: (peer, channel, data) => {
          if (channel === "sync") this.#receive(peer, data);
        },
      }),
    ];
    for (const peer of world.links.peers()) this.#compare(peer);
    this.#armRound();
  }

  /** Messages that could not be read, and entries that were refused. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Asks all linked peers now, for who waits for something in particular. */
  refresh(): void {
    for (const peer of this.#world.links.peers()) this.#compare(peer);
  }

  has(doc: string, hash: Hash): boolean {
    return this.#sets.has(doc, hash);
  }

  /** Of the entries here, sorted. */
  hashes(doc: string): readonly Hash[] {
    return this.#sets.hashes(doc);
  }

  close(): void {
    this.#closed = true;
    this.#round();
    for (const stop of this.#stops) stop();
  }

  #armRound(): void {
    const { clock, links, random } = this.#world;
    this.#round = clock.after(ROUND_MS * (0.75 + random.next() / 2), () => {
      const peers = links.peers();
      const peer = peers[Math.floor(random.next() * peers.length)];
      if (peer !== undefined) this.#compare(peer);
      this.#armRound();
    });
  }

  #compare(peer: NodeId): void {
    this.#send(peer, { kind: "root", root: this.#sets.root() });
  }

  #passOn(doc: string): void {
    const news = this.#sets.refresh(doc);
    if (news.length === 0 || this.#closed) return;
    for (const peer of this.#neighbours()) {
      const unknown = news.filter((entry) => this.#sources.get(entry) !== peer);
      for (const message of entryMessages(unknown)) if (!this.#world.links.send(peer, "sync", message)) break;
    }
  }

  #neighbours(): readonly NodeId[] {
    const peers = [...this.#world.links.peers()];
    if (peers.length <= NEIGHBOURS_MAX) return peers;
    const chosen: NodeId[] = [];
    while (chosen.length < NEIGHBOURS_MAX) {
      chosen.push(...peers.splice(Math.floor(this.#world.random.next() * peers.length), 1));
    }
    return chosen;
  }

  #receive(peer: NodeId, data: Uint8Array): void {
    const message = decodeMessage(data);
    if (message === undefined) {
      this.#dropped += 1;
      return;
    }
    switch (message.kind) {
      case "root":
        if (message.root !== this.#sets.root()) this.#sendDigests(peer);
        return;
      case "digests":
        this.#compareDigests(peer, message);
        return;
      case "hashes":
        this.#compareHashes(peer, message);
        return;
      case "wants":
        this.#give(peer, message.doc, message.hashes);
        return;
      case "entries":
        for (const entry of message.entries) void this.#take(peer, entry);
    }
  }

  #sendDigests(peer: NodeId): void {
    let after = "";
    for (;;) {
      const page = this.#sets.digests(after, DIGESTS_MAX);
      const until = page.length < DIGESTS_MAX ? "" : (page.at(-1)?.doc ?? "");
      const digests = page.map(({ count, digest, doc }) => [doc, count, digest] as const);
      if (!this.#send(peer, { kind: "digests", after, until, digests }) || until === "") return;
      after = until;
    }
  }

  #compareDigests(peer: NodeId, { after, digests, until }: Extract<SyncMessage, { kind: "digests" }>): void {
    const theirs = new Map(digests.map(([doc, , digest]) => [doc, digest]));
    for (const [doc, digest] of theirs) {
      if (this.#sets.digest(doc).digest !== digest) this.#sendHashes(peer, doc);
    }
    for (const { doc } of this.#sets.digests(after, Number.POSITIVE_INFINITY)) {
      if (until !== "" && doc > until) break;
      if (!theirs.has(doc)) this.#give(peer, doc, this.#sets.hashes(doc));
    }
  }

  #sendHashes(peer: NodeId, doc: string): void {
    const all = this.#sets.hashes(doc);
    let after = "";
    for (let at = 0; at <= all.length; at += HASHES_MAX) {
      const hashes = all.slice(at, at + HASHES_MAX);
      const until = at + HASHES_MAX >= all.length ? "" : (hashes.at(-1) ?? "");
      if (!this.#send(peer, { kind: "hashes", doc, after, until, hashes })) return;
      if (until === "") return;
      after = until;
    }
  }

  #compareHashes(peer: NodeId, message: Extract<SyncMessage, { kind: "hashes" }>): void {
    const { after, doc, hashes, until } = message;
    const theirs = new Set<Hash>(hashes);
    const wanted = hashes.filter((hash) => !this.#sets.has(doc, hash));
    if (wanted.length > 0) this.#send(peer, { kind: "wants", doc, hashes: wanted });
    const between = (hash: Hash) => hash > after && (until === "" || hash <= until);
    const missed = this.#sets.hashes(doc).filter((hash) => between(hash) && !theirs.has(hash));
    this.#give(peer, doc, missed);
  }

  #give(peer: NodeId, doc: string, hashes: readonly Hash[]): void {
    const entries = hashes.flatMap((hash) => this.#sets.get(doc, hash) ?? []);
    for (const message of entryMessages(entries)) if (!this.#world.links.send(peer, "sync", message)) return;
  }

  async #take(peer: NodeId, entry: unknown): Promise<void> {
    if (this.#closed) return;
    if (typeof entry === "object" && entry !== null) this.#sources.set(entry, peer);
    try {
      // The documents check whatever it is before they keep it.
      await this.#world.documents.append(entry as Entry);
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#dropped += 1;
      this.#world.log("warn", "an entry of another peer was not taken", { peer, error: cause.message });
    }
  }

  #send(peer: NodeId, message: SyncMessage): boolean {
    return this.#world.links.send(peer, "sync", encodeMessage(message));
  }
}
