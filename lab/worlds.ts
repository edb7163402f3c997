/** The worlds that a seed can be run in, and the scenarios that have a name. */
import { runOneMachine } from "./one-machine.ts";
import { runRaft } from "./raft/run.ts";
import type { RunReport } from "./run-report.ts";
import { FIGURE_EIGHT } from "./scenarios/figure-eight.ts";
import { RAFT_SCENARIOS, runRaftScenario } from "./scenarios/raft.ts";

export interface RunOptions {
  readonly seed: number;
  /** Of the world's time. */
  readonly minutes: number;
}

/** A run throws what broke: a Violation, or the error of a crash; with a `trace` where there is one. */
export type Run = (options: RunOptions) => Promise<RunReport>;

export const WORLDS: Readonly<Record<string, Run>> = {
  machine: runOneMachine,
  raft: runRaft,
};

export const SCENARIOS: Readonly<Record<string, { readonly story: string; readonly run: Run }>> =
  Object.fromEntries(
    Object.entries({ ...RAFT_SCENARIOS, "figure-eight": FIGURE_EIGHT }).map(([name, scenario]) => {
      return [name, { story: scenario.story, run: ({ seed }) => runRaftScenario(scenario, seed) }];
    }),
  );
