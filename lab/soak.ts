/** `npm run soak [-- PART...] [SEED]`: too long for each test run. Prints the seed that repeats it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzzJobFiles } from "./fuzz/job-files.ts";
import { runKillLoop } from "./real/kill-loop.ts";
import { runMutations } from "./real/mutations.ts";
import { WORLDS } from "./worlds.ts";

const KILLS = 200;
const FUZZ_INPUTS = 1_000_000;
const FUZZ_SLOW_MS = 1_000;
const LAB_MINUTES = 2;
const LAB_SEEDS = 1_000;
const MUTATION_SEEDS = 2_000;

interface Told {
  readonly seed: number;
  /** How many seeds, where a part is made of seeds. */
  readonly seeds: number | undefined;
  /** A part of a name, where there are many. */
  readonly only: string;
}

const log = (line: string) => process.stdout.write(`${line}\n`);

/** Sums of all that happened, by world. */
async function soakWorlds({ only, seed, seeds = LAB_SEEDS }: Told): Promise<object> {
  const sums: Record<string, Record<string, number>> = {};
  for (const [name, run] of Object.entries(WORLDS).filter(([each]) => each.includes(only))) {
    log(`lab: ${seeds} seeds of ${LAB_MINUTES} virtual minutes in world ${name}, from seed ${seed}`);
    const sum: Record<string, number> = {};
    for (let each = seed; each < seed + seeds; each += 1) {
      const report = await run({ seed: each, minutes: LAB_MINUTES }).catch((error: unknown) => {
        log(`repeat: npm run lab -- --world ${name} --seed ${each} --minutes ${LAB_MINUTES}`);
        throw error;
      });
      const { events, happenings, virtualMs } = report;
      for (const [what, times] of Object.entries({ ...happenings, events, "virtual s": virtualMs / 1000 })) {
        sum[what] = Math.round((sum[what] ?? 0) + times);
      }
    }
    sums[name] = sum;
  }
  return sums;
}

async function soakMutations({ only, seed, seeds = MUTATION_SEEDS }: Told): Promise<object> {
  log(`mutations: up to ${seeds} seeds each, from seed ${seed}`);
  const findings = await runMutations({ named: only, firstSeed: seed, seeds, minutes: LAB_MINUTES, log });
  const missed = findings.filter(({ found }) => found === undefined).map(({ mutation }) => mutation.name);
  if (missed.length > 0) throw new Error(`planted and not found: ${missed.join(", ")}`);
  return { found: findings.length };
}

const PARTS: Readonly<Record<string, (told: Told) => unknown>> = {
  lab: soakWorlds,
  mutations: soakMutations,
  fuzz: ({ seed }) => {
    log(`fuzz of job files: ${FUZZ_INPUTS} inputs, seed ${seed}`);
    const folder = join(import.meta.dirname, "..", "examples");
    const examples = readdirSync(folder)
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => readFileSync(join(folder, file), "utf8"));
    // Time of the processor: on a busy machine every input may have to wait.
    const usedMs = () => process.cpuUsage().user / 1_000;
    return fuzzJobFiles({ seed, inputs: FUZZ_INPUTS, examples, slowMs: FUZZ_SLOW_MS, usedMs, log });
  },
  kills: ({ seed }) => {
    log(`kill loop: ${KILLS} kills, seed ${seed}`);
    return runKillLoop({ seed, rounds: KILLS, log });
  },
};

function told(): (Told & { readonly parts: readonly string[] }) | undefined {
  try {
    const text = { type: "string" } as const;
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { seeds: text, only: text },
    });
    const parts = positionals.filter((word) => Object.hasOwn(PARTS, word));
    const [word, ...others] = positionals.filter((each) => !parts.includes(each));
    const seed = Number(word ?? Math.floor(Date.now() / 1000));
    const seeds = values.seeds === undefined ? undefined : Number(values.seeds);
    const isWrong =
      others.length > 0 || !Number.isSafeInteger(seed) || (seeds !== undefined && !(seeds >= 1));
    if (isWrong) return undefined;
    return { parts: parts.length > 0 ? parts : Object.keys(PARTS), seed, seeds, only: values.only ?? "" };
  } catch {
    return undefined;
  }
}

const asked = told();
if (asked === undefined) {
  const parts = Object.keys(PARTS).join("|");
  process.stderr.write(
    `usage: npm run soak -- [${parts}]... [SEED] [--seeds COUNT] [--only PART-OF-A-NAME]\n`,
  );
  process.exitCode = 64;
} else {
  for (const part of asked.parts) {
    const report = await PARTS[part]?.(asked);
    log(`${part} passed: ${JSON.stringify(report)}`);
  }
}
