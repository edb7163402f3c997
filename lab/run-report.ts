/** What any world tells of one run that held. */
export interface RunReport {
  /** SHA-256 over everything that happened, in order. */
  readonly traceHash: string;
  /** The last lines of it, thousands at least. */
  readonly trace: readonly string[];
  /** How often each thing happened. */
  readonly happenings: Readonly<Record<string, number>>;
  readonly events: number;
  readonly virtualMs: number;
}
