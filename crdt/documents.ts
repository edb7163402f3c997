/**
 * The Documents port over a local journal: all entries this peer holds, in memory by document, each checked
 * on its way in and again when it is read back.
 */
import {
  type Cancel,
  type Crypto,
  canonicalBytes,
  checkEntry,
  type Disk,
  type Documents,
  type Entry,
  entryHash,
  type Hash,
  type Host,
  PeerError,
  type Problem,
} from "../federation/index.ts";
import { Journal } from "./journal.ts";

export interface DocumentsOptions {
  readonly disk: Disk;
  readonly crypto: Pick<Crypto, "sha256" | "verify">;
  readonly log: Host["log"];
}

/** Throws PeerError `damaged` or, for what a newer release wrote, `not_supported`; both say what to do. */
export async function openDocuments(options: DocumentsOptions): Promise<Documents> {
  const journal = await Journal.open(options.disk, options.log);
  const documents = new JournaledDocuments(journal, options.crypto);
  try {
    for await (const { sequence, data } of journal.read())
      documents.restore(decode(sequence, data, options.crypto));
  } catch (error) {
    await journal.close();
    throw error;
  }
  return documents;
}

class JournaledDocuments implements Documents {
  readonly #journal: Journal;
  readonly #crypto: DocumentsOptions["crypto"];
  readonly #entries = new Map<string, readonly Entry[]>();
  /** `durable`, or the promise of it. */
  readonly #known = new Map<Hash, "durable" | Promise<void>>();
  readonly #listeners = new Set<(doc: string) => void>();
  #isClosed = false;

  constructor(journal: Journal, crypto: DocumentsOptions["crypto"]) {
    this.#journal = journal;
    this.#crypto = crypto;
  }

  restore(entry: Entry): void {
    const hash = entryHash(entry, this.#crypto);
    if (!this.#known.has(hash)) this.#keep(hash, entry);
  }

  async append(entry: Entry): Promise<void> {
    if (this.#isClosed) throw new PeerError("stopping", "this peer is stopping and takes no more intent");
    const problem = checkEntry(entry, this.#crypto);
    if (problem !== undefined) throw refused(problem);
    const hash = entryHash(entry, this.#crypto);
    const known = this.#known.get(hash);
    if (known !== undefined) return known === "durable" ? undefined : known;
    const writing = this.#write(hash, entry);
    this.#known.set(hash, writing);
    return writing;
  }

  entries(doc: string): readonly Entry[] {
    return this.#entries.get(doc) ?? [];
  }

  list(prefix: string): readonly string[] {
    return [...this.#entries.keys()].filter((doc) => doc.startsWith(prefix)).sort();
  }

  watch(listener: (doc: string) => void): Cancel {
    // A function of its own for each call: the same listener may watch twice.
    const own = (doc: string) => listener(doc);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#journal.close();
  }

  async #write(hash: Hash, entry: Entry): Promise<void> {
    try {
      await this.#journal.append(canonicalBytes(entry));
    } catch (error) {
      this.#known.delete(hash);
      throw error;
    }
    this.#keep(hash, entry);
    for (const listener of [...this.#listeners]) notify(listener, entry.doc);
  }

  #keep(hash: Hash, entry: Entry): void {
    this.#known.set(hash, "durable");
    // A new list each time: what `entries` answered before stays as it was.
    this.#entries.set(entry.doc, [...this.entries(entry.doc), entry]);
  }
}

/**
 * The entry is durable whatever a listener does; its failure is a bug and must not pass for one of the entry.
 */
function notify(listener: (doc: string) => void, doc: string): void {
  try {
    listener(doc);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function decode(sequence: number, data: Uint8Array, crypto: DocumentsOptions["crypto"]): Entry {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (cause) {
    throw unreadable(sequence, { path: "", message: "is not JSON" }, cause);
  }
  const problem = checkEntry(value, crypto);
  if (problem !== undefined) throw unreadable(sequence, problem);
  return value as Entry;
}

function refused(problem: Problem): PeerError {
  const message = `the entry is refused: ${describe(problem)}`;
  return new PeerError("bad_request", message, {
    details: [problem],
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}

/** The log's checksums held, so this was written so: by a newer release, or by someone else's hand. */
function unreadable(sequence: number, problem: Problem, cause?: unknown): PeerError {
  const isNewer = problem.hint !== undefined;
  const message = `entry ${sequence} of the journal in the folder intent can't be used: ${describe(problem)}`;
  return new PeerError(isNewer ? "not_supported" : "damaged", message, {
    hint: isNewer
      ? "a newer release of peer wrote it: start that one"
      : "nothing was changed; restore the data directory from a backup made before someone edited it",
    details: [problem],
    cause,
  });
}

function describe(problem: Problem): string {
  return `${problem.path === "" ? "it" : problem.path} ${problem.message}`;
}
