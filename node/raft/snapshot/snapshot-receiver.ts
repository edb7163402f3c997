/**
 * Takes a snapshot from a leader, one piece after another, to a file. A sending that broke off, or that
 * another leader takes up with the same content, goes on where it was.
 */
import { PeerError, type SnapshotPoint } from "../../../federation/index.ts";
import type { FrameBody, SnapshotBody } from "../frame.ts";
import type { IncomingSnapshot } from "./incoming-snapshot.ts";

/** More than the largest ledger that is designed for, many times over. */
export const SNAPSHOT_BYTES_MAX = 4 * 1024 * 1024 * 1024;
/** Pieces that wait for the disk: a sender's window, twice. */
const WAITING_MAX = 64;

export interface SnapshotReceiverParts {
  begin(point: SnapshotPoint, size: number, hash: Uint8Array): Promise<IncomingSnapshot>;
  /** Whether a snapshot up to `index` is of use. */
  isWanted(index: number): boolean;
  /** One that arrived is being taken over. */
  isBusy(): boolean;
  send(peer: string, body: FrameBody): boolean;
  /** All of it is there, whole and durable. */
  arrived(peer: string, term: number, point: SnapshotPoint, content: Uint8Array): void;
  failed(error: unknown): void;
}

type Offer = Extract<SnapshotBody, { kind: "snapshot-offer" }>;
type Chunk = Extract<SnapshotBody, { kind: "snapshot-chunk" }>;

interface Source {
  readonly peer: string;
  /** Of the leader that offered it. */
  readonly term: number;
  readonly transfer: number;
}

export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  #incoming: IncomingSnapshot | undefined;
  #source: Source | undefined;
  /** Touches the file one after another. */
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: SnapshotReceiverParts) {
    this.#parts = parts;
  }

  onOffer(peer: string, term: number, offer: Offer): void {
    if (this.#source !== undefined && this.#source.term > term) return;
    this.#queue(() => this.#take(peer, term, offer));
  }

  onChunk(peer: string, { data, offset, transfer }: Chunk): void {
    this.#queue(async () => {
      const incoming = this.#incoming;
      if (incoming === undefined || this.#source?.peer !== peer || this.#source.transfer !== transfer) return;
      await incoming.write(offset, data);
      if (incoming.isComplete) await this.#finish(incoming, this.#source);
      else this.#tell("receiving", incoming.offset);
    });
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#incoming?.close();
  }

  #queue(run: () => Promise<void>): void {
    // What is dropped is sent again after a silence.
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting += 1;
    this.#work = this.#work
      .then(run)
      .catch((error: unknown) => this.#parts.failed(error))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #take(peer: string, term: number, { hash, point, size, transfer }: Offer): Promise<void> {
    this.#source = { peer, term, transfer };
    if (!this.#parts.isWanted(point.index)) {
      this.#tell("done", size);
      return;
    }
    if (size > SNAPSHOT_BYTES_MAX || this.#parts.isBusy()) {
      this.#tell("failed", 0);
      return;
    }
    if (this.#incoming?.isSame(point, hash) !== true) {
      await this.#incoming?.close();
      this.#incoming = undefined;
      try {
        this.#incoming = await this.#parts.begin(point, size, hash);
      } catch (error) {
        if (!(error instanceof PeerError && error.code === "disk_full")) throw error;
        this.#tell("failed", 0);
        return;
      }
    }
    const incoming = this.#incoming;
    if (incoming.isComplete) await this.#finish(incoming, this.#source);
    else this.#tell("receiving", incoming.offset);
  }

  async #finish(incoming: IncomingSnapshot, { peer, term }: Source): Promise<void> {
    const content = await incoming.finish();
    if (content === undefined) {
      this.#tell("receiving", 0);
      return;
    }
    this.#incoming = undefined;
    this.#parts.arrived(peer, term, incoming.point, content);
    this.#tell("done", content.length);
  }

  #tell(state: "receiving" | "done" | "failed", offset: number): void {
    const source = this.#source;
    if (source === undefined) return;
    const { peer, transfer } = source;
    this.#parts.send(peer, { kind: "snapshot-progress", transfer, offset, state });
    if (state !== "receiving") this.#source = undefined;
  }
}
