/**
 * The boundary between two events of the world: all that the first one set off comes to rest before the
 * second one begins, or the trace would depend on how fast Node is.
 *
 * Two kinds, both complete for what they are for:
 * - `settle` runs microtasks and next ticks until none is left, however long the chains. It is what Node does
 *   itself after each callback (`process._tickCallback`, 30 ns with nothing to do); inside a microtask it can
 *   do nothing, so it is for callers that began with `nextTurn`.
 * - `nextTurn` lets Node's event loop turn once (1 to 8 microseconds): also what waits for `setImmediate`, as
 *   streams do, comes to its turn.
 */
import { setImmediate as immediate } from "node:timers";
import { invariant } from "../../federation/index.ts";

const runTicks: unknown = Reflect.get(process, "_tickCallback");

/** Call it where no microtask is running. */
export function settle(): void {
  invariant(typeof runTicks === "function", "this Node runs its queues on demand");
  runTicks.call(process);
}

/** Calls back where no microtask is running, after all that waits now. */
export function nextTurn(then: () => void): void {
  immediate(then);
}
