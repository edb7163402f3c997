/**
 * `npm run lab -- [--seed N] [--seeds COUNT] [--minutes M] [--world W | --scenario S] [--once] [--list]`:
 * runs seeds in the simulated worlds, each twice, and prints one line of result a run. Exit codes: 0 all
 * held, 1 crash, 2 safety, 3 liveness, 4 not deterministic, 64 wrong usage.
 */
import { parseArgs } from "node:util";
import { firstDifference } from "./checkers/determinism.ts";
import { Violation } from "./checkers/violation.ts";
import { sourceCommit } from "./real/commit.ts";
import type { RunReport } from "./run-report.ts";
import { type Run, SCENARIOS, WORLDS } from "./worlds.ts";

const TRACE_LINES = 40;
const EXIT = { crash: 1, safety: 2, liveness: 3, nondeterminism: 4, usage: 64 } as const;
const MINUTES = 2;

interface Wanted {
  readonly runs: readonly { readonly name: string; readonly flag: string; readonly run: Run }[];
  readonly first: number;
  readonly count: number;
  readonly minutes: number;
  /** Once only: not compared with itself. */
  readonly once: boolean;
}

const commit = sourceCommit();

function wanted(): Wanted | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    seed: text,
    seeds: text,
    minutes: text,
    world: text,
    scenario: text,
    once: flag,
    list: flag,
  };
  try {
    const { values } = parseArgs({ options });
    if (values.list === true) return listed();
    const numbers = [values.seed ?? "1", values.seeds ?? "1", values.minutes ?? String(MINUTES)].map(Number);
    const [first = Number.NaN, count = Number.NaN, minutes = Number.NaN] = numbers;
    const runs = chosen(values.world, values.scenario);
    if (!Number.isSafeInteger(first) || !(count >= 1) || !(minutes > 0) || runs.length === 0)
      return undefined;
    return { runs, first, count, minutes, once: values.once === true };
  } catch {
    return undefined;
  }
}

function chosen(world: string | undefined, scenario: string | undefined): Wanted["runs"] {
  if (scenario !== undefined) {
    return Object.entries(SCENARIOS)
      .filter(([name]) => scenario === "all" || scenario === name)
      .map(([name, { run }]) => ({ name, flag: `--scenario ${name}`, run }));
  }
  return Object.entries(WORLDS)
    .filter(([name]) => world === undefined || world === name)
    .map(([name, run]) => ({ name, flag: `--world ${name}`, run }));
}

function listed(): Wanted {
  for (const name of Object.keys(WORLDS)) process.stdout.write(`--world ${name}\n`);
  for (const [name, { story }] of Object.entries(SCENARIOS)) {
    process.stdout.write(`--scenario ${name.padEnd(24)} ${story}\n`);
  }
  return { runs: [], first: 1, count: 0, minutes: 0, once: true };
}

/** Runs a seed; the exit code. */
async function runSeed(
  { flag, name, run }: Wanted["runs"][number],
  seed: number,
  wish: Wanted,
): Promise<number> {
  const repeat = `npm run lab -- ${flag} --seed ${seed} --minutes ${wish.minutes}`;
  const title = `${name} seed ${seed} commit ${commit}`;
  const crashed = (cause: unknown) => {
    process.exitCode = tellFailure(title, repeat, cause);
    process.exit();
  };
  process.on("uncaughtException", crashed);
  try {
    const first = await run({ seed, minutes: wish.minutes });
    if (!wish.once) {
      const difference = firstDifference(first, await run({ seed, minutes: wish.minutes }));
      if (difference !== undefined) {
        process.stdout.write(`${title}: not deterministic from trace line ${difference.line}\n`);
        process.stdout.write(`  ${difference.first}\n  ${difference.second}\n  repeat: ${repeat}\n`);
        return EXIT.nondeterminism;
      }
    }
    process.stdout.write(`${title}: held, ${summary(first)}\n`);
    return 0;
  } catch (cause) {
    return tellFailure(title, repeat, cause);
  } finally {
    process.off("uncaughtException", crashed);
  }
}

function summary({ events, happenings, traceHash, virtualMs }: RunReport): string {
  const counts = Object.entries(happenings).map(([name, times]) => `${name} ${times}`);
  const seconds = (virtualMs / 1000).toFixed();
  return `trace ${traceHash.slice(0, 16)}, ${seconds} s, ${events} events, ${counts.join(", ")}`;
}

function tellFailure(title: string, repeat: string, cause: unknown): number {
  const kind = cause instanceof Violation ? cause.kind : "crash";
  const told = cause instanceof Error ? cause : new Error(String(cause));
  const trace: unknown = Reflect.get(told, "trace");
  process.stdout.write(`${title}: ${kind}: ${kind === "crash" ? told.stack : told.message}\n`);
  for (const line of Array.isArray(trace) ? trace.slice(-TRACE_LINES) : [])
    process.stdout.write(`  ${line}\n`);
  process.stdout.write(`  repeat: ${repeat}\n`);
  return EXIT[kind];
}

const wish = wanted();
if (wish === undefined) {
  const words = "[--seed N] [--seeds COUNT] [--minutes M] [--world W | --scenario S|all] [--once] [--list]";
  process.stderr.write(`usage: npm run lab -- ${words}\n`);
  process.exitCode = EXIT.usage;
} else {
  for (let seed = wish.first; seed < wish.first + wish.count && (process.exitCode ?? 0) === 0; seed += 1) {
    for (const each of wish.runs) {
      process.exitCode = await runSeed(each, seed, wish);
      if (process.exitCode !== 0) break;
    }
  }
}
