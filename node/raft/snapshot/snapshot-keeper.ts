/** The snapshots of one group: taken when due, sent to followers, received from a leader. */
import {
  type Clock,
  type Disk,
  type Host,
  invariant,
  PeerError,
  type Raft,
  type RaftEntry,
  type SnapshotPoint,
} from "../../../federation/index.ts";
import type { FrameBody, SnapshotBody } from "../frame.ts";
import type { RaftGroupLimits } from "../group-options.ts";
import type { RaftStorage } from "../storage.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";
import { type SendableSnapshot, SnapshotSender } from "./snapshot-sender.ts";

export interface SnapshotKeeperParts {
  readonly self: string;
  readonly clock: Pick<Clock, "after">;
  readonly disk: Disk;
  readonly log: Host["log"];
  readonly limits: RaftGroupLimits;
  readonly storage: RaftStorage;
  readonly raft: Raft;
  /** The state after all that was applied. */
  encode(): Uint8Array;
  send(peer: string, body: FrameBody): boolean;
  /** The core was given something. */
  stepped(): void;
  failed(error: unknown): void;
}

export class SnapshotKeeper {
  readonly #parts: SnapshotKeeperParts;
  readonly #schedule: SnapshotSchedule;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  #saving: Promise<void> | undefined;
  /** Received, and on its way through the core. */
  #arrived: { readonly point: SnapshotPoint; readonly content: Uint8Array } | undefined;

  constructor(parts: SnapshotKeeperParts, lastSnapshotBytes: number, firstTransfer: number) {
    this.#parts = parts;
    const { clock, disk, limits, raft, storage } = parts;
    this.#schedule = new SnapshotSchedule(limits, lastSnapshotBytes);
    const { failed, send } = parts;
    this.#sender = new SnapshotSender(
      {
        ...{ clock, disk, limits, send, failed, store: storage.snapshots },
        choose: () => this.#choose(),
        sent: (peer, index) => {
          raft.snapshotSent(peer, index);
          parts.stepped();
        },
      },
      firstTransfer,
    );
    this.#receiver = new SnapshotReceiver({
      ...{ send, failed },
      begin: (point, size, hash) => storage.receive(point, size, hash),
      isWanted: (index) => index > raft.status().commit,
      isBusy: () => this.#arrived !== undefined,
      arrived: (peer, term, point, content) => this.#onArrived(peer, term, point, content),
    });
  }

  applied(entry: RaftEntry): void {
    this.#schedule.applied(entry);
  }

  saveIfDue(): void {
    if (this.#saving !== undefined || !this.#schedule.isDue()) return;
    this.#save().catch((error: unknown) => this.#parts.failed(error));
  }

  /** The core ordered a snapshot for a peer. */
  order(peer: string): void {
    this.#sender.start(peer);
  }

  onFrame(peer: string, term: number, body: SnapshotBody): void {
    switch (body.kind) {
      case "snapshot-offer":
        // Its sender leads no more; it will hear so from the core.
        if (term >= this.#parts.raft.status().term) this.#receiver.onOffer(peer, term, body);
        break;
      case "snapshot-chunk":
        this.#receiver.onChunk(peer, body);
        break;
      case "snapshot-progress":
        this.#sender.onProgress(peer, body);
        break;
    }
  }

  linkClosed(peer: string): void {
    this.#sender.linkClosed(peer);
  }

  stopSending(): void {
    this.#sender.stop();
  }

  /** One's own snapshot and one that is installed don't meet on the disk. */
  async beforeInstall(): Promise<void> {
    await this.#saving;
  }

  /** The content of what the core took over. */
  installed(index: number): Uint8Array {
    const arrived = this.#arrived;
    invariant(arrived?.point.index === index, "the snapshot that is installed is the one that arrived");
    this.#arrived = undefined;
    this.#schedule.restored(arrived.point, arrived.content.length);
    return arrived.content;
  }

  async close(): Promise<void> {
    this.#sender.close();
    await this.#receiver.close();
    await this.#saving;
  }

  #onArrived(peer: string, term: number, point: SnapshotPoint, content: Uint8Array): void {
    const { raft, stepped } = this.#parts;
    this.#arrived = { point, content };
    raft.step({ kind: "snapshot", from: peer, to: this.#parts.self, term, point });
    // Refused, or not needed: the log has it already.
    if (raft.installing?.index !== point.index) this.#arrived = undefined;
    stepped();
  }

  /** A snapshot of now, durable. */
  #save(): Promise<void> {
    const { raft, storage } = this.#parts;
    const data = this.#parts.encode();
    const { index, term } = this.#schedule.begin(data.length);
    const point = { index, term, configuration: raft.configurationAt(index) };
    this.#saving = storage
      .saveSnapshot(point, data)
      .catch((error: unknown) => {
        if (!(error instanceof PeerError && error.code === "disk_full")) throw error;
        // The log holds all of it; the next attempt comes with the next interval.
        this.#parts.log("warn", "no space for a snapshot of the ledger", { index });
      })
      .finally(() => {
        this.#saving = undefined;
      });
    return this.#saving;
  }

  async #choose(): Promise<SendableSnapshot> {
    await this.#saving;
    const there = await this.#sendable();
    if (there !== undefined) return there;
    await this.#save();
    const made = await this.#sendable();
    if (made === undefined) throw new PeerError("disk_full", "no space for a snapshot to send");
    return made;
  }

  /** The newest snapshot, if a follower that has it can go on from the log in memory. */
  async #sendable(): Promise<SendableSnapshot | undefined> {
    const { raft, storage } = this.#parts;
    const info = storage.newestSnapshot;
    if (info === undefined || info.index + 1 < raft.firstIndex) return undefined;
    const loaded = await storage.snapshots.load(info);
    if (loaded?.configuration === undefined) return undefined;
    const { configuration, data, hash } = loaded;
    return { info, point: { index: info.index, term: info.term, configuration }, size: data.length, hash };
  }
}
