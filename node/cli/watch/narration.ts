/** Tells how a job's allocations change, line by line: news only, each piece once. Pure. */
import type { AllocationRow, JobDetailRow } from "../../api/index.ts";
import { counted, formatAddress, plainText, shortId } from "../format.ts";
import { phaseOf, slotOf } from "./phase.ts";

/** Of a job with more allocations in motion only trouble is told by name; the rest is counted. */
export const NAMED_MAX = 20;
const TROUBLE_LINES_MAX = 20;

/** What was last seen of an allocation. */
interface Seen {
  readonly phase: string;
  readonly why: string;
  readonly restarts: number;
  readonly health: string;
  readonly version: number;
}

export class Narration {
  readonly #newsFrom: number | undefined;
  /** A status word in its colour. */
  readonly #paint: (word: string) => string;
  readonly #seen = new Map<string, Seen>();
  readonly #named = new Set<string>();
  readonly #told = new Set<string>();
  #isFirstLook = true;
  #troubleLines = 0;
  #counts = "";

  /**
   * `newsFrom`: what changed at this index of the ledger or later is told, all else is known already;
   * undefined: what the first look shows is known.
   */
  constructor(newsFrom: number | undefined, paint: (word: string) => string) {
    this.#newsFrom = newsFrom;
    this.#paint = paint;
  }

  /** Lines for what changed since the last look, in the order in which it did. */
  look(job: JobDetailRow): readonly string[] {
    const rows = job.allocations.toSorted((left, right) => left.modify_index - right.modify_index);
    const news = rows.filter((row) => this.#isNews(row));
    for (const row of news) if (this.#named.size <= NAMED_MAX) this.#named.add(row.id);
    const isCounted = this.#named.size > NAMED_MAX;
    const width = slotWidth(job);
    const lines = news.flatMap((row) => this.#tell(row, width, isCounted));
    for (const row of rows) this.#seen.set(row.id, seenOf(row));
    this.#isFirstLook = false;
    return isCounted ? [...lines, ...this.#count(job)] : lines;
  }

  /** Its last news were told, not only noted. */
  hasTold(id: string): boolean {
    return this.#told.has(id);
  }

  #isNews(row: AllocationRow): boolean {
    const before = this.#seen.get(row.id);
    if (before !== undefined) return JSON.stringify(before) !== JSON.stringify(seenOf(row));
    return !this.#isFirstLook || this.#isSince(row.modify_index);
  }

  #isSince(index: number): boolean {
    return this.#newsFrom !== undefined && index >= this.#newsFrom;
  }

  #tell(row: AllocationRow, width: number, isCounted: boolean): readonly string[] {
    const before = this.#seen.get(row.id);
    const now = seenOf(row);
    const isNew = before === undefined && (!this.#isFirstLook || this.#isSince(row.create_index));
    const hasNewPhase =
      before?.phase !== now.phase || before.why !== now.why || before.restarts !== now.restarts;
    const texts = [
      ...(isNew ? [placedText(row)] : []),
      ...(before !== undefined && before.version < now.version ? [`runs on as version ${now.version}`] : []),
      ...(hasNewPhase ? this.#phaseTexts(row, now, before) : []),
      ...(before?.health === now.health ? [] : this.#healthTexts(now)),
    ];
    const lines = texts.map(
      (text) => `    ${slotOf(row).padEnd(width)}  allocation ${shortId(row.id)} ${text}`,
    );
    if (isCounted) {
      if (!isTrouble(now) || this.#troubleLines >= TROUBLE_LINES_MAX) return [];
      this.#troubleLines += 1;
    }
    this.#told.add(row.id);
    return isCounted ? lines.slice(-1) : lines;
  }

  /** Of `pending` and `starting` only what is waited for: they pass, or turn into something worth telling. */
  #phaseTexts(row: AllocationRow, now: Seen, before: Seen | undefined): readonly string[] {
    if (now.phase === "pending" || now.phase === "starting") {
      return now.why === "" ? [] : [`${this.#paint(now.phase)}: ${now.why}`];
    }
    if (now.phase === "running") {
      const restarts = now.restarts === 0 ? "" : ` after ${counted(now.restarts, "restart")}`;
      return [`${this.#paint(now.phase)}${restarts}${addressesOf(row)}`];
    }
    const isToldAlready = now.why === "" || (now.phase === "stopped" && before?.phase === "stopping");
    return [`${this.#paint(now.phase)}${isToldAlready ? "" : `: ${now.why}`}`];
  }

  #healthTexts({ health }: Seen): readonly string[] {
    return health === "healthy" || health === "unhealthy" ? [this.#paint(health)] : [];
  }

  /** `web  120 of 500 running, 80 starting`, when that changed. */
  #count(job: JobDetailRow): readonly string[] {
    const lines = Object.entries(job.groups).map(([name, group]) => {
      const others = (["starting", "complete", "failed"] as const).filter((word) => group[word] > 0);
      const parts = others.map((word) => `${group[word]} ${word}`);
      return `    ${[`${name}  ${group.running} of ${group.desired} running`, ...parts].join(", ")}`;
    });
    const counts = lines.join("\n");
    if (counts === this.#counts) return [];
    this.#counts = counts;
    return lines;
  }
}

function seenOf(row: AllocationRow): Seen {
  const { word, restarts } = phaseOf(row);
  const isWished = word === "stopping" || word === "stopped";
  const why = isWished ? row.desired_reason : word === "running" ? null : row.message;
  // What is ending or has ended is neither well nor unwell any more.
  const health = word === "running" ? row.health : "none";
  return { phase: word, why: plainText(why ?? ""), restarts, health, version: row.version };
}

function isTrouble({ phase, health }: Seen): boolean {
  return phase === "failed" || phase === "lost" || phase === "restarting" || health === "unhealthy";
}

function placedText(row: AllocationRow): string {
  const instead = row.previous === null ? "" : `, replaces ${shortId(row.previous)}`;
  return `placed on ${plainText(row.node_name)}${instead}`;
}

/** `  http at http://127.0.0.1:20711`: a label that begins with http is taken at its word. */
export function addressesOf(row: Pick<AllocationRow, "ports" | "address">): string {
  return Object.entries(row.ports)
    .map(([label, port]) => {
      const scheme = /^https?/.exec(label)?.[0];
      return `  ${label} at ${scheme === undefined ? "" : `${scheme}://`}${formatAddress(row.address, port)}`;
    })
    .join("");
}

/** Room for the longest slot's name, so that the lines of a job are aligned. */
function slotWidth(job: JobDetailRow): number {
  const last = Object.entries(job.groups).map(([group, { desired }]) =>
    slotOf({ group, index: Math.max(0, desired - 1) }),
  );
  return Math.max(0, ...[...last, ...job.allocations.map(slotOf)].map((slot) => slot.length));
}
