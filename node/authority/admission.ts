/**
 * Brings intent before the authority (S1): the ledger never reads the documents, it is told by an entry which
 * version of a job counts now. The leader alone tells it, of what it holds itself; other peers ask it to, and
 * it fetches what it lacks. One admission a document at a time; what the ledger already knows is not told
 * again.
 */
import {
  type Cancel,
  canonicalText,
  type Hash,
  type Host,
  type JobIntent,
  type JobTagBody,
  type JobVersion,
  type NodeId,
  PeerError,
  TAGS_MAX,
  type VersionTag,
} from "../../federation/index.ts";
import type { Calls } from "../calls/calls.ts";
import type { Authority } from "./authority.ts";
import type { IntentArrival } from "./intent-arrival.ts";
import type { IntentReader } from "./intents.ts";

const METHOD = "intent.admit";
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 10_000;
/** A leader that answers at all answers within this: it may have to fetch the entries first. */
const CALL_MS = 8_000;
const JOB_PREFIX = "job/";

export interface AdmissionWorld {
  readonly host: Host;
  readonly authority: Authority;
  readonly intents: IntentReader;
  readonly arrival: IntentArrival;
  readonly calls: Calls;
}

export class Admission {
  readonly #world: AdmissionWorld;
  readonly #turns = new Map<string, Promise<boolean>>();
  readonly #again = new Map<string, Cancel>();
  #unwatch: Cancel = () => undefined;
  #closed = false;

  constructor(world: AdmissionWorld) {
    this.#world = world;
    world.calls.handle(METHOD, (_peer, payload) => this.#serve(payload));
  }

  /** Admits what a crash, or another leader, left between the documents and the ledger; then what comes. */
  async lead(): Promise<void> {
    const { documents } = this.#world.host;
    this.#unwatch = documents.watch((document) => {
      if (document.startsWith(JOB_PREFIX)) void this.admit(document);
    });
    for (const document of documents.list(JOB_PREFIX)) {
      if (!this.#world.authority.leads) return;
      await this.admit(document);
    }
  }

  /** Another peer leads: what is still to be admitted is its business. */
  follow(): void {
    this.#unwatch();
    for (const cancel of this.#again.values()) cancel();
    this.#again.clear();
  }

  /**
   * True when the ledger here holds the document's present winner on return; false: it is durable and tried
   * again later.
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
    this.follow();
    await Promise.all(this.#turns.values());
  }

  async #admit(document: string, retryMs = RETRY_FIRST_MS): Promise<boolean> {
    if (this.#closed) return false;
    const { authority, host, intents } = this.#world;
    try {
      if (authority.leads) await this.#propose(document, intents(document));
      else await this.#ask(document);
      return true;
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      host.log("warn", "not admitted yet, trying again", { document, error: cause.message });
      this.#again.get(document)?.();
      const nextMs = Math.min(RETRY_MAX_MS, retryMs * 2 * (1 + host.random.next() / 4));
      this.#again.set(
        document,
        host.clock.after(retryMs, () => {
          this.#again.delete(document);
          void this.#admit(document, nextMs);
        }),
      );
      return false;
    }
  }

  /** As the leader. */
  async #propose(document: string, intent: JobIntent): Promise<void> {
    const { winner } = intent;
    if (winner === undefined) return;
    const { arrival, authority } = this.#world;
    const record = authority.ledger.job(winner.namespace, winner.job);
    // Stopped so long ago that the ledger forgot it: there is nothing to stop.
    if (record === undefined && intent.stopped) return;
    const known = record?.heads ?? [];
    if (!(await arrival.wait(document, known))) {
      throw new PeerError("unavailable", "not all that was admitted of it has come here", {
        retryable: true,
      });
    }
    const { heads } = this.#world.intents(document);
    // While it waited, more may have come: then it is told of that at once.
    if (!isSame(heads, intent.heads)) return this.#propose(document, this.#world.intents(document));
    if (!isSame(known, intent.heads)) await this.#admitVersion(intent, winner, known);
    await this.#adjust(intent, winner);
  }

  /** Counts and tags, where the ledger holds others. */
  async #adjust({ heads, scales, tagRegisters }: JobIntent, winner: JobVersion): Promise<void> {
    const record = this.#world.authority.ledger.job(winner.namespace, winner.job);
    if (record === undefined) return;
    const known = new Set(record.versions.map(({ id }) => id));
    const tags = [...tagRegisters.values()]
      .flatMap(({ winner: { body } }) => tagOf(body))
      .filter(({ versionId }) => known.has(versionId))
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, TAGS_MAX);
    const wanted = canonicalText([scales, tags]);
    if (wanted === canonicalText([record.scales ?? [], record.tags ?? []])) return;
    await this.#world.authority.propose({
      kind: "job.adjust",
      namespace: winner.namespace,
      job: winner.job,
      follows: heads,
      scales,
      tags,
      atMs: this.#world.host.clock.wall(),
    });
  }

  async #admitVersion(intent: JobIntent, winner: JobVersion, known: JobIntent["heads"]): Promise<void> {
    const { authority, host } = this.#world;
    await authority.propose({
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
      atMs: host.clock.wall(),
    });
  }

  /** Has the leader admit what this peer holds. */
  async #ask(document: string): Promise<void> {
    const { arrival, authority, calls } = this.#world;
    const { leader } = authority.status();
    if (leader === "") throw new PeerError("unavailable", "the region has no leader", { retryable: true });
    const request = new TextEncoder().encode(JSON.stringify({ document, entries: arrival.held(document) }));
    const answer = await calls.call(leader as NodeId, METHOD, request, CALL_MS);
    const { index } = JSON.parse(new TextDecoder().decode(answer)) as { index: number };
    await authority.applied(index);
  }

  async #serve(payload: Uint8Array): Promise<Uint8Array> {
    const { document, entries } = decodeRequest(payload);
    const { arrival, authority } = this.#world;
    if (!authority.leads) throw new PeerError("not_leader", "this peer does not lead", { retryable: true });
    if (!(await arrival.waitFor(document, entries))) {
      throw new PeerError("unavailable", "the leader could not get all entries of it", { retryable: true });
    }
    if (!(await this.admit(document))) {
      throw new PeerError("unavailable", "the leader could not admit it yet", { retryable: true });
    }
    return new TextEncoder().encode(JSON.stringify({ index: authority.ledger.index }));
  }
}

function isSame(left: readonly Hash[], right: readonly Hash[]): boolean {
  return left.length === right.length && left.every((head) => right.includes(head));
}

function decodeRequest(payload: Uint8Array): {
  readonly document: string;
  readonly entries: readonly Hash[];
} {
  const value = parsed(payload);
  if (typeof value === "object" && value !== null) {
    const { document, entries } = value as Record<string, unknown>;
    const isList = Array.isArray(entries) && entries.every((entry) => typeof entry === "string");
    if (typeof document === "string" && document.startsWith(JOB_PREFIX) && isList)
      return { document, entries: entries as Hash[] };
  }
  throw new PeerError("bad_request", "not a request for an admission");
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
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
