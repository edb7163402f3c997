/** Suspicions that run (Lifeguard, section IV-B): each new accuser shortens the time left to refute. */
import type { NodeId } from "../model/ids.ts";
import { type SuspicionBounds, suspicionMs } from "./limits.ts";

interface Suspicion {
  readonly startedMs: number;
  readonly bounds: SuspicionBounds;
  readonly accusers: Set<NodeId>;
  /** Accusers without a link to it, whom its keeper did not answer either (S7). */
  readonly silent: Set<NodeId>;
}

/** More accusers change nothing and are not remembered. */
const SILENT_ACCUSERS_MAX = 8;

export class Suspicions {
  readonly #bySubject = new Map<NodeId, Suspicion>();
  #earliestMs: number | undefined = Number.POSITIVE_INFINITY;

  start(subject: NodeId, nowMs: number, bounds: SuspicionBounds): void {
    const suspicion = { startedMs: nowMs, bounds, accusers: new Set<NodeId>(), silent: new Set<NodeId>() };
    this.#bySubject.set(subject, suspicion);
    this.#earliestMs = undefined;
  }

  clear(subject: NodeId): void {
    if (this.#bySubject.delete(subject)) this.#earliestMs = undefined;
  }

  subjects(): Iterable<NodeId> {
    return this.#bySubject.keys();
  }

  /** True when this accuser, or this evidence of it, is new and counts. */
  accuse(subject: NodeId, accuser: NodeId, silent: boolean): boolean {
    const suspicion = this.#bySubject.get(subject);
    if (suspicion === undefined) return false;
    let isNew = false;
    if (silent && !suspicion.silent.has(accuser) && suspicion.silent.size < SILENT_ACCUSERS_MAX) {
      suspicion.silent.add(accuser);
      isNew = true;
    }
    if (!suspicion.accusers.has(accuser) && suspicion.accusers.size <= suspicion.bounds.confirmations) {
      suspicion.accusers.add(accuser);
      this.#earliestMs = undefined;
      isNew = true;
    }
    return isNew;
  }

  /** Takes back that `accuser` found it silent: the suspicion itself is the subject's to refute. */
  withdraw(subject: NodeId, accuser: NodeId): void {
    this.#bySubject.get(subject)?.silent.delete(accuser);
  }

  silentAccusers(subject: NodeId): ReadonlySet<NodeId> {
    return this.#bySubject.get(subject)?.silent ?? new Set();
  }

  /** When the first of them runs out. */
  get dueMs(): number {
    if (this.#earliestMs === undefined) {
      let earliestMs = Number.POSITIVE_INFINITY;
      for (const suspicion of this.#bySubject.values()) earliestMs = Math.min(earliestMs, endMs(suspicion));
      this.#earliestMs = earliestMs;
    }
    return this.#earliestMs;
  }

  due(nowMs: number): NodeId[] {
    if (this.dueMs > nowMs) return [];
    const isDue = ([, suspicion]: [NodeId, Suspicion]) => endMs(suspicion) <= nowMs;
    return [...this.#bySubject].filter(isDue).map(([subject]) => subject);
  }
}

function endMs({ accusers, bounds, startedMs }: Suspicion): number {
  return startedMs + suspicionMs(bounds, Math.max(0, accusers.size - 1));
}
