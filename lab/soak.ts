/** `npm run soak [-- SEED]`: what takes too long for each test run. Prints the seed that repeats it. */
import { runKillLoop } from "./real/kill-loop.ts";

const KILLS = 200;

const seed = Number(process.argv[2] ?? Math.floor(Date.now() / 1000));
if (!Number.isSafeInteger(seed)) {
  process.stderr.write("usage: npm run soak -- SEED\n");
  process.exitCode = 64;
} else {
  const log = (line: string) => process.stdout.write(`${line}\n`);
  log(`kill loop: ${KILLS} kills, seed ${seed}`);
  const report = await runKillLoop({ seed, rounds: KILLS, log });
  log(`kill loop passed: ${JSON.stringify(report)}`);
}
