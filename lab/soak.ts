/** `npm run soak [-- kills|fuzz] [SEED]`: too long for each test run. Prints the seed that repeats it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fuzzJobFiles } from "./fuzz/job-files.ts";
import { runKillLoop } from "./real/kill-loop.ts";

const KILLS = 200;
const FUZZ_INPUTS = 1_000_000;
const FUZZ_SLOW_MS = 1_000;

const log = (line: string) => process.stdout.write(`${line}\n`);

const PARTS: Readonly<Record<string, (seed: number) => unknown>> = {
  fuzz: (seed) => {
    log(`fuzz of job files: ${FUZZ_INPUTS} inputs, seed ${seed}`);
    const folder = join(import.meta.dirname, "..", "examples");
    const examples = readdirSync(folder)
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => readFileSync(join(folder, file), "utf8"));
    // Time of the processor: on a busy machine every input may have to wait.
    const usedMs = () => process.cpuUsage().user / 1_000;
    return fuzzJobFiles({ seed, inputs: FUZZ_INPUTS, examples, slowMs: FUZZ_SLOW_MS, usedMs, log });
  },
  kills: (seed) => {
    log(`kill loop: ${KILLS} kills, seed ${seed}`);
    return runKillLoop({ seed, rounds: KILLS, log });
  },
};

const words = process.argv.slice(2);
const named = words.filter((word) => Object.hasOwn(PARTS, word));
const seed = Number(words.find((word) => !named.includes(word)) ?? Math.floor(Date.now() / 1000));
if (!Number.isSafeInteger(seed) || words.length > named.length + 1) {
  process.stderr.write(`usage: npm run soak -- [${Object.keys(PARTS).join("|")}] [SEED]\n`);
  process.exitCode = 64;
} else {
  for (const part of named.length > 0 ? named : Object.keys(PARTS)) {
    const report = await PARTS[part]?.(seed);
    log(`${part} passed: ${JSON.stringify(report)}`);
  }
}
