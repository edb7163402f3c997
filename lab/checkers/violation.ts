/** A broken promise, named after the checker that saw it. */
export type ViolationKind = "safety" | "liveness";

export class Violation extends Error {
  override readonly name = "Violation";
  readonly kind: ViolationKind;
  readonly checker: string;
  /** What happened up to it; whoever runs the world adds it. */
  trace: readonly string[] = [];

  constructor(kind: ViolationKind, checker: string, message: string) {
    super(`${checker}: ${message}`);
    this.kind = kind;
    this.checker = checker;
  }
}

/** Throws a safety violation unless `condition` holds. */
export function hold(condition: boolean, checker: string, message: string): asserts condition {
  if (!condition) throw new Violation("safety", checker, message);
}
