/**
 * Broken invariants are bugs: they crash the peer, which restarts from its last durable state.
 * Expected refusals are values (`Result`) in the core and `PeerError` in the shells.
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws when `condition` does not hold. Always on, in production too. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** For the default branch of an exhaustive switch: a new variant won't compile until it is handled. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`);
}

export type Result<Value, Problem> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Problem };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function err<Problem>(error: Problem): { readonly ok: false; readonly error: Problem } {
  return { ok: false, error };
}
