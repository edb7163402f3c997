/** What was proposed here and has no answer yet: waiting for its turn, or in the log under an index. */
import { type EntryKind, PeerError, type RaftEntry } from "../../federation/index.ts";
import { batchBytesMax, ENTRY_OVERHEAD_BYTES, type RaftGroupLimits } from "./group-options.ts";

export interface Proposal<Answer> {
  readonly data: Uint8Array;
  readonly kind?: Exclude<EntryKind, "configuration">;
  readonly resolve: (applied: { readonly index: number; readonly result: Answer }) => void;
  readonly reject: (error: PeerError) => void;
}

export class Proposals<Answer> {
  readonly #limits: RaftGroupLimits;
  #queue: Proposal<Answer>[] = [];
  #queueBytes = 0;
  /** By index and, since another leader's entry may come to stand there, with the term. */
  readonly #proposed = new Map<number, Proposal<Answer> & { readonly term: number }>();

  constructor(limits: RaftGroupLimits) {
    this.#limits = limits;
  }

  /** Waiting for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** In the log, and not known to be committed. */
  get underWay(): number {
    return this.#proposed.size;
  }

  refusal(data: Uint8Array): PeerError | undefined {
    const { entryBytesMax, proposalBytesMax, proposalsMax } = this.#limits;
    if (data.length === 0) return new PeerError("bad_request", "an entry of the ledger is not empty");
    if (data.length > entryBytesMax) {
      return new PeerError("too_large", `${data.length} bytes are too much for one entry of the ledger`, {
        hint: `the limit is ${entryBytesMax} bytes`,
      });
    }
    const isRoom = this.#queueBytes + data.length <= proposalBytesMax;
    if (this.#queue.length + this.#proposed.size < proposalsMax && isRoom) return undefined;
    return new PeerError("too_many_requests", `${this.#queue.length} changes wait for the disk already`, {
      hint: "try again in a moment",
      retryable: true,
    });
  }

  add(proposal: Proposal<Answer>): void {
    this.#queue.push(proposal);
    this.#queueBytes += proposal.data.length;
  }

  takeBatch(): Proposal<Answer>[] {
    const bytesMax = batchBytesMax(this.#limits);
    let count = 0;
    let bytes = 0;
    for (const { data } of this.#queue) {
      bytes += data.length + ENTRY_OVERHEAD_BYTES;
      if (count > 0 && bytes > bytesMax) break;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    for (const { data } of batch) this.#queueBytes -= data.length;
    return batch;
  }

  /** Back to where they were taken from. */
  putBack(batch: readonly Proposal<Answer>[]): void {
    this.#queue.unshift(...batch);
    for (const { data } of batch) this.#queueBytes += data.length;
  }

  appended(proposal: Proposal<Answer>, index: number, term: number): void {
    this.#proposed.set(index, { ...proposal, term });
  }

  /** The proposal that an applied entry is; one that another leader's entry took the place of is refused. */
  settle({ index, term }: RaftEntry): Proposal<Answer> | undefined {
    const proposal = this.#proposed.get(index);
    if (proposal === undefined) return undefined;
    this.#proposed.delete(index);
    if (proposal.term === term) return proposal;
    proposal.reject(
      new PeerError("not_leader", "another leader's change took the place of this one: it did not happen", {
        hint: "try again",
        retryable: true,
      }),
    );
    return undefined;
  }

  rejectWaiting(error: PeerError): void {
    for (const { reject } of this.#queue) reject(error);
    this.#queue = [];
    this.#queueBytes = 0;
  }

  /** Those in the log up to `index`: nobody here will learn what became of them. */
  rejectProposed(error: PeerError, index = Number.POSITIVE_INFINITY): void {
    for (const [at, { reject }] of this.#proposed) {
      if (at > index) continue;
      this.#proposed.delete(at);
      reject(error);
    }
  }
}
