/**
 * Brings intent before the authority (S1): the ledger never reads the documents, it is told by an entry which
 * version of a job counts now. One admission a document at a time; what the ledger already knows is not told
 * again.
 */
import {
  canonicalText,
  type Host,
  type JobIntent,
  type JobTagBody,
  type JobVersion,
  PeerError,
  TAGS_MAX,
  type VersionTag,
} from "../../federation/index.ts";
import type { Authority } from "./authority.ts";
import type { IntentReader } from "./intents.ts";

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 10_000;
const JOB_PREFIX = "job/";

export class Admission {
  readonly #host: Host;
  readonly #authority: Authority;
  readonly #intents: IntentReader;
  readonly #turns = new Map<string, Promise<boolean>>();
  readonly #again = new Map<string, () => void>();
  #unwatch: () => void = () => undefined;
  #closed = false;

  constructor(host: Host, authority: Authority, intents: IntentReader) {
    this.#host = host;
    this.#authority = authority;
    this.#intents = intents;
  }

  /** Admits what a crash left between the journal and the ledger, then whatever comes. */
  async start(): Promise<void> {
    this.#unwatch = this.#host.documents.watch((document) => {
      if (document.startsWith(JOB_PREFIX)) void this.admit(document);
    });
    for (const document of this.#host.documents.list(JOB_PREFIX)) await this.admit(document);
  }

  /**
   * True when the ledger holds the document's present winner on return; false: it is durable and tried again
   * later.
   */
  admit(document: string): Promise<boolean> {
    const before = this.#turns.get(document) ?? Promise.resolve(true);
    const turn = before.then(() => this.#admit(document));
    this.#turns.set(document, turn);
    void turn.then(() => {
      if (this.#turns.get(document) === turn) this.#turns.delete(document);
    });
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    for (const cancel of this.#again.values()) cancel();
    this.#again.clear();
    await Promise.all(this.#turns.values());
  }

  async #admit(document: string, retryMs = RETRY_FIRST_MS): Promise<boolean> {
    if (this.#closed) return false;
    const intent = this.#intents(document);
    try {
      await this.#propose(intent);
      return true;
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#host.log("warn", "not admitted yet, trying again", { document, error: cause.message });
      this.#again.get(document)?.();
      const nextMs = Math.min(RETRY_MAX_MS, retryMs * 2 * (1 + this.#host.random.next() / 4));
      this.#again.set(
        document,
        this.#host.clock.after(retryMs, () => {
          this.#again.delete(document);
          void this.#admit(document, nextMs);
        }),
      );
      return false;
    }
  }

  async #propose(intent: JobIntent): Promise<void> {
    const { winner } = intent;
    if (winner === undefined) return;
    const record = this.#authority.ledger.job(winner.namespace, winner.job);
    // Stopped so long ago that the ledger forgot it: there is nothing to stop.
    if (record === undefined && intent.stopped) return;
    const known = record?.heads ?? [];
    const isKnown =
      known.length === intent.heads.length && intent.heads.every((head) => known.includes(head));
    if (!isKnown) await this.#admitVersion(intent, winner, known);
    await this.#adjust(intent, winner);
  }

  /** Counts and tags, where the ledger holds others. */
  async #adjust({ heads, scales, tagRegisters }: JobIntent, winner: JobVersion): Promise<void> {
    const record = this.#authority.ledger.job(winner.namespace, winner.job);
    if (record === undefined) return;
    const known = new Set(record.versions.map(({ id }) => id));
    const tags = [...tagRegisters.values()]
      .flatMap(({ winner: { body } }) => tagOf(body))
      .filter(({ versionId }) => known.has(versionId))
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, TAGS_MAX);
    const wanted = canonicalText([scales, tags]);
    if (wanted === canonicalText([record.scales ?? [], record.tags ?? []])) return;
    await this.#authority.propose({
      kind: "job.adjust",
      namespace: winner.namespace,
      job: winner.job,
      follows: heads,
      scales,
      tags,
      atMs: this.#host.clock.wall(),
    });
  }

  async #admitVersion(intent: JobIntent, winner: JobVersion, known: JobIntent["heads"]): Promise<void> {
    await this.#authority.propose({
      kind: "job.admit",
      namespace: winner.namespace,
      job: winner.job,
      heads: intent.heads,
      follows: known,
      versionId: winner.id,
      operation: intent.stopped ? "stop" : "run",
      ...(winner.spec === undefined ? {} : { spec: winner.spec }),
      ...(intent.scales.length === 0 ? {} : { scales: intent.scales }),
      submittedBy: winner.submittedBy,
      submittedAtMs: winner.submittedAtMs,
      atMs: this.#host.clock.wall(),
    });
  }
}

function tagOf({
  description,
  name,
  submittedAtMs,
  submittedBy,
  version,
}: JobTagBody): readonly VersionTag[] {
  if (version === undefined) return [];
  const told = description === undefined ? {} : { description };
  return [{ name, versionId: version, ...told, submittedAtMs, submittedBy }];
}
