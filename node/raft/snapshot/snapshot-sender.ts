/**
 * Brings followers that are too far behind a snapshot: offered first, then piece by piece within a window,
 * from where the receiver says that it is. What got lost is offered again; a receiver that keeps silent is
 * given up, and the core asks anew when it answers.
 */
import {
  type Cancel,
  type Clock,
  type Disk,
  type DiskFile,
  invariant,
  type SnapshotPoint,
} from "../../../federation/index.ts";
import type { FrameBody, SnapshotBody } from "../frame.ts";
import type { SnapshotInfo, SnapshotStore } from "./snapshots.ts";

const SILENCE_MS = 1000;
/** Offers without any progress before the receiver is given up. */
const SILENCES_MAX = 10;

export interface SendableSnapshot {
  readonly info: SnapshotInfo;
  readonly point: SnapshotPoint;
  readonly size: number;
  readonly hash: Uint8Array;
}

export interface SnapshotSenderParts {
  readonly clock: Pick<Clock, "after">;
  readonly disk: Disk;
  readonly store: SnapshotStore;
  readonly limits: { readonly chunkBytes: number; readonly chunkWindowBytes: number };
  /** A snapshot that a follower's log can go on from: the newest, or a new one. */
  choose(): Promise<SendableSnapshot>;
  send(peer: string, body: FrameBody): boolean;
  /** It arrived up to `index`, or (0) not at all. */
  sent(peer: string, index: number): void;
  failed(error: unknown): void;
}

interface Transfer {
  readonly id: number;
  readonly peer: string;
  readonly snapshot: SendableSnapshot;
  readonly file: DiskFile;
  /** Where the content begins in the file. */
  readonly contentAt: number;
  sent: number;
  acknowledged: number;
  silences: number;
  cancel: Cancel;
  isPumping: boolean;
}

export class SnapshotSender {
  readonly #parts: SnapshotSenderParts;
  readonly #transfers = new Map<string, Transfer>();
  readonly #starting = new Set<string>();
  #lastId: number;
  #isClosed = false;

  /** `firstId`: transfers of an earlier life have others. */
  constructor(parts: SnapshotSenderParts, firstId: number) {
    this.#parts = parts;
    this.#lastId = firstId;
  }

  /** Begins, unless one is on its way to the peer already. */
  start(peer: string): void {
    if (this.#isClosed || this.#starting.has(peer) || this.#transfers.has(peer)) return;
    this.#starting.add(peer);
    this.#begin(peer)
      .catch((error: unknown) => this.#parts.failed(error))
      .finally(() => this.#starting.delete(peer));
  }

  onProgress(
    peer: string,
    { offset, state, transfer: id }: Extract<SnapshotBody, { kind: "snapshot-progress" }>,
  ): void {
    const transfer = this.#transfers.get(peer);
    if (transfer?.id !== id || offset > transfer.snapshot.size) return;
    if (state === "failed") {
      this.#end(transfer, 0);
    } else if (state === "done") {
      this.#end(transfer, transfer.snapshot.point.index);
    } else {
      if (offset > transfer.acknowledged || transfer.silences > 0) this.#listen(transfer);
      // Less than was acknowledged: it begins anew. More than was sent: it had that from an earlier sending.
      if (offset < transfer.acknowledged || offset > transfer.sent || transfer.silences > 0)
        transfer.sent = offset;
      transfer.silences = 0;
      transfer.acknowledged = offset;
      this.#pump(transfer);
    }
  }

  /** The way to the peer is gone. */
  linkClosed(peer: string): void {
    const transfer = this.#transfers.get(peer);
    if (transfer !== undefined) this.#end(transfer, 0);
  }

  /** This peer does not lead any more. */
  stop(): void {
    for (const transfer of [...this.#transfers.values()]) this.#end(transfer, 0);
  }

  close(): void {
    this.#isClosed = true;
    this.stop();
  }

  async #begin(peer: string): Promise<void> {
    const { disk, store } = this.#parts;
    const snapshot = await this.#parts.choose();
    store.pin(snapshot.info);
    const file = await disk.open(snapshot.info.path);
    const contentAt = (await file.size()) - snapshot.size;
    invariant(contentAt > 0, "a snapshot's file holds its content");
    this.#lastId += 1;
    const transfer: Transfer = {
      ...{ id: this.#lastId, peer, snapshot, file, contentAt },
      ...{ sent: 0, acknowledged: 0, silences: 1, cancel: () => undefined, isPumping: false },
    };
    this.#transfers.set(peer, transfer);
    if (this.#isClosed) this.#end(transfer, 0);
    else this.#offer(transfer);
  }

  #offer(transfer: Transfer): void {
    const { hash, point, size } = transfer.snapshot;
    this.#parts.send(transfer.peer, { kind: "snapshot-offer", transfer: transfer.id, point, size, hash });
    this.#listen(transfer);
  }

  #listen(transfer: Transfer): void {
    transfer.cancel();
    transfer.cancel = this.#parts.clock.after(SILENCE_MS, () => {
      transfer.silences += 1;
      if (transfer.silences > SILENCES_MAX) this.#end(transfer, 0);
      else this.#offer(transfer);
    });
  }

  #pump(transfer: Transfer): void {
    if (transfer.isPumping) return;
    transfer.isPumping = true;
    this.#sendChunks(transfer)
      .catch((error: unknown) => this.#parts.failed(error))
      .finally(() => {
        transfer.isPumping = false;
      });
  }

  async #sendChunks(transfer: Transfer): Promise<void> {
    const { chunkBytes, chunkWindowBytes } = this.#parts.limits;
    const { contentAt, file, id, peer, snapshot } = transfer;
    while (this.#transfers.get(peer) === transfer) {
      const { acknowledged, sent: offset } = transfer;
      if (offset >= snapshot.size || offset - acknowledged >= chunkWindowBytes) return;
      const length = Math.min(chunkBytes, snapshot.size - offset);
      const data = await file.readAt(contentAt + offset, length);
      // The receiver said meanwhile that it is elsewhere.
      if (transfer.sent !== offset) continue;
      // A full link: the next progress, or a silence, goes on.
      if (!this.#parts.send(peer, { kind: "snapshot-chunk", transfer: id, offset, data })) return;
      transfer.sent = offset + length;
    }
  }

  #end(transfer: Transfer, index: number): void {
    if (this.#transfers.get(transfer.peer) !== transfer) return;
    this.#transfers.delete(transfer.peer);
    transfer.cancel();
    this.#parts.store.unpin(transfer.snapshot.info);
    transfer.file.close().catch((error: unknown) => this.#parts.failed(error));
    this.#parts.sent(transfer.peer, index);
  }
}
