/**
 * Reports that still are to be told, least told first. Each rides on at most `transmitLimit` messages; a
 * newer report on the same subject takes the place of an older one, so the queue is bounded by the members.
 */
import type { NodeId } from "../model/ids.ts";
import { encodeReport } from "./codec.ts";
import { compareReports, type MemberReport } from "./member.ts";

interface Queued {
  readonly report: MemberReport;
  readonly bytes: Uint8Array;
  readonly order: number;
  sent: number;
}

/** Reports that did not fit after which a message counts as full. */
const MISFITS_MAX = 4;

export class Dissemination {
  /** By subject; a suspicion is told once for each accuser, so that confirmations count (Lifeguard). */
  readonly #bySubject = new Map<NodeId, Queued[]>();
  /** Index: times sent. Newest last. */
  readonly #levels: Queued[][] = [];
  readonly #accusersMax: number;
  #order = 0;
  #size = 0;

  constructor(accusersMax: number) {
    this.#accusersMax = accusersMax;
  }

  get size(): number {
    return this.#size;
  }

  /** `sent`: as if told that often already, of what most will hear from the subject itself. */
  add(report: MemberReport, sent = 0): void {
    const queued = this.#bySubject.get(report.subject) ?? [];
    const kept = queued.filter((other) => {
      if (compareReports(report, other.report) !== 0) return false;
      return report.state === "suspect" && other.report.from !== report.from;
    });
    if (kept.length >= this.#accusersMax) {
      // The leader waits for evidence of silence (S7); one more accuser without it changes little.
      const victim = report.silent ? kept.findIndex((other) => !other.report.silent) : -1;
      if (victim < 0) return;
      kept.splice(victim, 1);
    }
    for (const other of queued) if (!kept.includes(other)) this.#drop(other);
    this.#order += 1;
    const added: Queued = { report, bytes: encodeReport(report), order: this.#order, sent };
    this.#bySubject.set(report.subject, [...kept, added]);
    this.#level(sent).push(added);
    this.#size += 1;
  }

  /**
   * Others tell it as well, so it needs less telling here ("feedback" and "counter" in Demers et al.,
   * "Epidemic Algorithms for Replicated Database Maintenance", 1987). Only for what can wait for a repair.
   */
  heardAgain(subject: NodeId, limit: number): void {
    for (const queued of this.#bySubject.get(subject) ?? []) this.#sent(queued, limit);
  }

  /** No more about a subject that is no member any more. */
  forget(subject: NodeId): void {
    for (const queued of this.#bySubject.get(subject) ?? []) this.#drop(queued);
    this.#bySubject.delete(subject);
  }

  /**
   * Encoded reports that fit into `roomBytes`, each counted as sent once more; those about `told` are in the
   * message already.
   */
  take(roomBytes: number, limit: number, told: readonly NodeId[] = []): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = roomBytes;
    const used: Queued[] = [];
    let misfits = 0;
    for (const level of this.#levels) {
      for (let at = level.length - 1; at >= 0 && misfits < MISFITS_MAX; at -= 1) {
        const queued = level[at];
        if (queued === undefined || told.includes(queued.report.subject)) continue;
        if (queued.bytes.length > room) {
          misfits += 1;
          continue;
        }
        room -= queued.bytes.length;
        taken.push(queued.bytes);
        used.push(queued);
      }
    }
    for (const queued of used) this.#sent(queued, limit);
    return taken;
  }

  #sent(queued: Queued, limit: number): void {
    this.#unlevel(queued);
    queued.sent += 1;
    if (queued.sent < limit) {
      const level = this.#level(queued.sent);
      let at = level.length;
      while (at > 0 && (level[at - 1]?.order ?? 0) > queued.order) at -= 1;
      level.splice(at, 0, queued);
      return;
    }
    this.#size -= 1;
    const rest = (this.#bySubject.get(queued.report.subject) ?? []).filter((other) => other !== queued);
    if (rest.length > 0) this.#bySubject.set(queued.report.subject, rest);
    else this.#bySubject.delete(queued.report.subject);
  }

  #drop(queued: Queued): void {
    this.#unlevel(queued);
    this.#size -= 1;
  }

  #unlevel(queued: Queued): void {
    const level = this.#level(queued.sent);
    // Mostly the newest are told, and they are last.
    level.splice(level.lastIndexOf(queued), 1);
  }

  #level(sent: number): Queued[] {
    while (this.#levels.length <= sent) this.#levels.push([]);
    return this.#levels[sent] ?? [];
  }
}
