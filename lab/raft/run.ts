/** One run of a Raft world: faults first, then heal. */

import type { RunReport } from "../run-report.ts";
import { RaftFaults } from "./faults.ts";
import { RaftWorld } from "./world.ts";

const MINUTE_MS = 60_000;

/** Throws what broke: a Violation, or the error of a crash, with the trace. */
export async function runRaft(options: {
  readonly seed: number;
  readonly minutes: number;
}): Promise<RunReport> {
  const { minutes, seed } = options;
  const world = new RaftWorld(seed);
  const faults = new RaftFaults(world);
  await world.pass(minutes * MINUTE_MS);
  faults.end();
  await world.heal();
  return world.report();
}
