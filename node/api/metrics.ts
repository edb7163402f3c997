/**
 * Figures of the API itself in Prometheus' text format (version 0.0.4). Routes are patterns, so there are
 * few.
 */

/** Upper bounds in seconds. */
const BUCKETS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]);

interface Duration {
  readonly counts: number[];
  sumSeconds: number;
  total: number;
}

export class HttpMetrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Duration>();

  /**
   * `route` undefined: none matched. `durationMs` undefined: it says nothing, as of a stream or a blocking
   * read.
   */
  record(method: string, route: string | undefined, status: number, durationMs: number | undefined): void {
    const labels = `method="${METHODS.has(method) ? method : "other"}",route="${route ?? "none"}"`;
    const key = `${labels},status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (durationMs === undefined) return;
    const duration = this.#durations.get(labels) ?? { counts: BUCKETS.map(() => 0), sumSeconds: 0, total: 0 };
    this.#durations.set(labels, duration);
    const seconds = durationMs / 1000;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) duration.counts[bucket] = (duration.counts[bucket] ?? 0) + 1;
    duration.sumSeconds += seconds;
    duration.total++;
  }

  /** `now`: what is open at this moment, by kind. */
  text(now: Readonly<Record<string, number>>): string {
    const lines = [
      "# HELP peer_http_requests_total Answered requests.",
      "# TYPE peer_http_requests_total counter",
    ];
    for (const [labels, count] of sorted(this.#requests)) {
      lines.push(`peer_http_requests_total{${labels}} ${count}`);
    }
    const name = "peer_http_request_duration_seconds";
    lines.push(
      `# HELP ${name} Time to answer, without streams and blocking reads.`,
      `# TYPE ${name} histogram`,
    );
    for (const [labels, duration] of sorted(this.#durations)) {
      let cumulative = 0;
      for (const [at, bound] of BUCKETS.entries()) {
        cumulative += duration.counts[at] ?? 0;
        lines.push(`${name}_bucket{${labels},le="${bound}"} ${cumulative}`);
      }
      lines.push(`${name}_bucket{${labels},le="+Inf"} ${duration.total}`);
      lines.push(
        `${name}_sum{${labels}} ${duration.sumSeconds}`,
        `${name}_count{${labels}} ${duration.total}`,
      );
    }
    lines.push("# HELP peer_http_open Answers under way that wait or stream.", "# TYPE peer_http_open gauge");
    for (const [kind, count] of Object.entries(now)) lines.push(`peer_http_open{kind="${kind}"} ${count}`);
    return `${lines.join("\n")}\n`;
  }
}

function sorted<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}
