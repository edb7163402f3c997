/**
 * Writes what people ask for as entries of this peer: signed, countersigned with its gap-free sequence,
 * durable (S2). The sequence goes on from what the documents hold, so nothing that a crash forgot was ever
 * followed.
 */
import {
  type AuthoredEntry,
  type CapabilityLink,
  type Crypto,
  checkEntryForm,
  checkSpecForm,
  countersign,
  type Documents,
  type Entry,
  type EntryBodies,
  entryHash,
  type Hash,
  invariant,
  type JobVersionBody,
  jobRegisterContent,
  jobVersionContent,
  PeerError,
  type Problem,
  type Signer,
  signEntry,
  type ViaPosition,
  versionId,
} from "../federation/index.ts";

/** Written together at the most; what comes meanwhile makes the next group. */
const GROUP_ENTRIES_MAX = 256;
/** Submissions that wait for the disk; whoever comes then is told to try again. */
const WAITING_MAX = 10_000;

/** No place in a sequence makes an entry larger than this one. */
const LONGEST_PLACE = {
  viaSequence: Number.MAX_SAFE_INTEGER,
  viaPrevious: "0".repeat(64),
  viaSignature: "0".repeat(128),
};

export interface IntentWriterOptions {
  readonly documents: Documents;
  readonly crypto: Crypto;
  /** The accepting peer; author as well of what came with a bearer token (S14). */
  readonly identity: {
    readonly signer: Signer;
    readonly chain: readonly CapabilityLink[];
    readonly incarnationId: string;
  };
}

interface Waiting {
  readonly authored: AuthoredEntry;
  resolve(): void;
  reject(reason: unknown): void;
}

export class IntentWriter {
  readonly #documents: Documents;
  readonly #crypto: Crypto;
  readonly #identity: IntentWriterOptions["identity"];
  #waiting: Waiting[] = [];
  #isWriting = false;
  #next: ViaPosition;

  constructor({ crypto, documents, identity }: IntentWriterOptions) {
    this.#documents = documents;
    this.#crypto = crypto;
    this.#identity = identity;
    this.#next = this.#nextPosition();
  }

  /**
   * Durable on return; resolves with the version's id. `body.parents` in any order. Throws PeerError
   * `invalid_job` for a specification that would not count, `bad_request`, `too_large`, `too_many_requests`,
   * `disk_full`.
   */
  async writeJobVersion(body: JobVersionBody): Promise<Hash> {
    const problem = body.spec === undefined ? undefined : checkSpecForm(body.spec);
    if (problem !== undefined) throw refused("invalid_job", "the job can't be run", problem);
    const { chain, signer } = this.#identity;
    const authored = signEntry(jobVersionContent(body, signer, chain), signer);
    await this.#accept(authored);
    return versionId(authored.body, this.#crypto);
  }

  /** The same of a count or a tag; `body`'s hashes in any order. */
  async writeJobRegister<Kind extends "job.scale" | "job.tag">(
    kind: Kind,
    body: EntryBodies[Kind],
  ): Promise<void> {
    const { chain, signer } = this.#identity;
    await this.#accept(signEntry(jobRegisterContent(kind, body, signer, chain), signer));
  }

  async #accept(authored: AuthoredEntry): Promise<void> {
    // Before it takes a place in the sequence: behind an entry that is refused later, the next would leave a
    // gap.
    const { incarnationId, signer } = this.#identity;
    const longest = { ...LONGEST_PLACE, via: signer.publicKey, viaIncarnation: incarnationId };
    const problem = checkEntryForm({ ...authored, ...longest });
    if (problem !== undefined) throw refused("bad_request", "this can't be written", problem);
    if (this.#waiting.length >= WAITING_MAX) {
      const message = `${WAITING_MAX} submissions wait for the disk`;
      throw new PeerError("too_many_requests", message, { hint: "try again later", retryable: true });
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ authored, resolve, reject });
      if (!this.#isWriting) void this.#write();
    });
  }

  /** One group at a time: the sequence goes on only behind what is durable. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    // The calls of one turn come together.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) await this.#writeGroup(this.#waiting.splice(0, GROUP_ENTRIES_MAX));
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const entries: Entry[] = [];
    let position = this.#next;
    for (const { authored } of group) {
      const entry = countersign(authored, this.#identity.signer, position);
      entries.push(entry);
      position = this.#after(entry);
    }
    const results = await Promise.allSettled(entries.map((entry) => this.#documents.append(entry)));
    let failed = false;
    for (const [at, result] of results.entries()) {
      const entry = entries[at];
      const waiting = group[at];
      invariant(entry !== undefined && waiting !== undefined, "each entry of a group was waited for");
      if (result.status === "rejected") {
        failed = true;
        waiting.reject(result.reason);
        continue;
      }
      invariant(!failed, "documents take entries in the order of the calls, or refuse what follows");
      this.#next = this.#after(entry);
      waiting.resolve();
    }
  }

  #after(entry: Entry): ViaPosition {
    return {
      viaIncarnation: entry.viaIncarnation,
      viaSequence: entry.viaSequence + 1,
      viaPrevious: entryHash(entry, this.#crypto),
    };
  }

  /**
   * After what the documents hold of this peer's present incarnation: mostly nothing, as each start has its
   * own.
   */
  #nextPosition(): ViaPosition {
    const { incarnationId, signer } = this.#identity;
    let last: Entry | undefined;
    let count = 0;
    for (const doc of this.#documents.list("")) {
      for (const entry of this.#documents.entries(doc)) {
        if (entry.via !== signer.publicKey || entry.viaIncarnation !== incarnationId) continue;
        count += 1;
        if (entry.viaSequence > (last?.viaSequence ?? 0)) last = entry;
      }
    }
    if (last === undefined) return { viaIncarnation: incarnationId, viaSequence: 1 };
    invariant(last.viaSequence === count, "a peer's own sequence has no gaps and no forks");
    return this.#after(last);
  }
}

function refused(code: "invalid_job" | "bad_request", what: string, problem: Problem): PeerError {
  const place = problem.path === "" ? "" : `${problem.path} `;
  return new PeerError(code, `${what}: ${place}${problem.message}`, { details: [problem] });
}
