/**
 * `npm run lab -- [--seed N] [--minutes M] [--seeds K]`: runs the simulated world and prints one line of
 * result a seed. Exit codes: 0 all held, 1 crash, 2 safety, 3 liveness, 4 not deterministic, 64 wrong usage.
 */
import { parseArgs } from "node:util";
import { firstDifference } from "./checkers/determinism.ts";
import { Violation } from "./checkers/violation.ts";
import { runOneMachine } from "./one-machine.ts";

const TRACE_LINES = 30;
const EXIT = { crash: 1, safety: 2, liveness: 3, nondeterminism: 4, usage: 64 } as const;

interface Wanted {
  readonly first: number;
  readonly count: number;
  readonly minutes: number;
}

function wanted(): Wanted | undefined {
  try {
    const { values } = parseArgs({
      options: { seed: { type: "string" }, seeds: { type: "string" }, minutes: { type: "string" } },
    });
    const numbers = [values.seed ?? "1", values.seeds ?? "1", values.minutes ?? "10"].map(Number);
    const [first = Number.NaN, count = Number.NaN, minutes = Number.NaN] = numbers;
    return Number.isSafeInteger(first) && count >= 1 && minutes > 0 ? { first, count, minutes } : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a seed twice; the exit code. */
async function runSeed(seed: number, minutes: number): Promise<number> {
  const repeat = `npm run lab -- --seed ${seed} --minutes ${minutes}`;
  try {
    const first = await runOneMachine({ seed, minutes });
    const second = await runOneMachine({ seed, minutes });
    const difference = firstDifference(first, second);
    if (difference !== undefined) {
      process.stdout.write(`seed ${seed}: not deterministic from trace line ${difference.line}\n`);
      process.stdout.write(`  ${difference.first}\n  ${difference.second}\n  repeat: ${repeat}\n`);
      return EXIT.nondeterminism;
    }
    const faults = Object.entries(first.happenings).map(([name, times]) => `${name} ${times}`);
    process.stdout.write(`seed ${seed}: held, trace ${first.traceHash.slice(0, 16)}, ${faults.join(", ")}\n`);
    return 0;
  } catch (cause) {
    const kind = cause instanceof Violation ? cause.kind : "crash";
    const trace = cause instanceof Violation ? cause.trace.slice(-TRACE_LINES) : [];
    process.stdout.write(
      `seed ${seed}: ${kind}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`,
    );
    for (const line of trace) process.stdout.write(`  ${line}\n`);
    process.stdout.write(`  repeat: ${repeat}\n`);
    return EXIT[kind];
  }
}

const run = wanted();
if (run === undefined) {
  process.stderr.write("usage: npm run lab -- [--seed N] [--seeds COUNT] [--minutes M]\n");
  process.exitCode = EXIT.usage;
} else {
  for (let seed = run.first; seed < run.first + run.count && (process.exitCode ?? 0) === 0; seed += 1) {
    process.exitCode = await runSeed(seed, run.minutes);
  }
}
