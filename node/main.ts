/** The process: words in, exit code out. */
import { runCli } from "./cli/main.ts";

const interrupt = new AbortController();
process.on("SIGINT", () => interrupt.abort());
// A pipe that closes early (`peer events | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
});
