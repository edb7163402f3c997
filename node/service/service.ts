/** What the REST API needs of a peer. The composition root implements it; the API knows nothing else. */
import type {
  AllocationId,
  Hash,
  JobSpec,
  LedgerEvent,
  LedgerView,
  NodeId,
  RaftStatus,
  RegionId,
} from "../../federation/index.ts";
import type { ScaleWish, TagWish } from "../authority/adjustments.ts";

/** How safe a write is when it is answered (S1), least to most. */
export type Safety = "durable" | "replicated" | "admitted" | "placed";

export interface PeerStatus {
  readonly nodeId: NodeId;
  readonly nodeName: string;
  readonly version: string;
  readonly region: { readonly id: RegionId; readonly name: string; readonly generation: number };
  readonly apiAddress: string;
  readonly dataDirectory: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly uptimeMs: number;
  readonly incarnation: number;
  readonly privileged: boolean;
  /** For people: whether the overlay is on, and if not, why. */
  readonly overlay: { readonly state: "off"; readonly reason: string };
  readonly raft: RaftStatus;
  readonly stopping: boolean;
}

export interface SubmitOptions {
  /** Check-and-set: only if the job's modify index is this (0: only if there is no such job). */
  readonly checkIndex?: number;
  readonly submittedBy: string;
}

export interface SubmitReceipt {
  readonly namespace: string;
  readonly job: string;
  readonly versionId: Hash;
  /** Number among the admitted versions; absent while it is only durable. */
  readonly version?: number;
  readonly evaluation?: string;
  readonly index: number;
  readonly safety: Safety;
  /** False when the same spec runs already and nothing was written. */
  readonly changed: boolean;
}

export interface LogQuery {
  readonly task: string;
  readonly stream: "stdout" | "stderr";
  /** Byte position in the stream since the task's first byte; negative: that many bytes before the end. */
  readonly offset: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface LogChunk {
  /** Position of the first byte. Larger than asked when rotation removed what was asked for. */
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface AllocationUsage {
  readonly cpu: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly processCount: number;
  readonly tasks: Readonly<
    Record<string, { cpu: number; cpuSeconds: number; memoryBytes: number; processCount: number }>
  >;
}

export interface DoctorCheck {
  readonly name: string;
  readonly state: "ok" | "warning" | "problem";
  readonly message: string;
  readonly hint?: string;
}

/** Events after a cursor, without gap; `reset` when the cursor is too old or of another history (S23). */
export interface EventFeed {
  /** Position after the newest event. */
  readonly cursor: string;
  /** Position before the oldest event that is kept. */
  readonly oldest: string;
  /**
   * Events after `cursor`, or "reset" when that can't be told exactly. PeerError bad_request on a malformed
   * cursor.
   */
  since(cursor: string): readonly (LedgerEvent & { readonly cursor: string })[] | "reset";
  /** Called when there may be something new from now on: `since` tells what. */
  subscribe(listener: () => void): () => void;
}

export interface PeerService {
  status(): PeerStatus;
  readonly ledger: LedgerView;
  readonly events: EventFeed;
  /** Cursor of the ledger's present state, for `x-peer-index`. */
  ledgerCursor(): string;
  /**
   * Resolves when the ledger here is as new as anything committed when it was asked (linearizable). PeerError
   * `unavailable` or `timeout` where no quorum answers.
   */
  confirm(): Promise<void>;
  /**
   * Resolves when the ledger is past `cursor` or after `timeoutMs`, or at once when the cursor is of another
   * history.
   */
  waitPast(cursor: string, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Problems that only the drivers can tell; paths as in the job file. */
  validate(spec: JobSpec): readonly { path: string; message: string }[];
  submit(spec: JobSpec, options: SubmitOptions): Promise<SubmitReceipt>;
  stopJob(namespace: string, job: string, options: SubmitOptions): Promise<SubmitReceipt>;
  scaleJob(wish: ScaleWish, options: SubmitOptions): Promise<SubmitReceipt>;
  tagJob(wish: TagWish, options: SubmitOptions): Promise<SubmitReceipt>;
  stopAllocation(id: AllocationId): Promise<{ readonly index: number; readonly evaluation?: string }>;
  restartAllocation(id: AllocationId, task?: string): Promise<{ readonly index: number }>;
  logs(id: AllocationId, query: LogQuery): AsyncIterable<LogChunk>;
  usage(id: AllocationId): Promise<AllocationUsage>;
  doctor(): Promise<readonly DoctorCheck[]>;
  metrics(): Promise<string>;
  /** Answers first, then stops: `tasks` also stops the tasks and their keeper. */
  requestStop(options: { readonly tasks: boolean }): void;
}
