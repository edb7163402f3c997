/** The process around the command line: signals, pipes that close early, real time. */
import { type CommandClock, EXIT } from "./command.ts";
import { runCli } from "./main.ts";

/** Runs the command that the process was called with; sets its exit code. */
export async function runProcess(): Promise<void> {
  const interrupt = new AbortController();
  let isPipeClosed = false;
  let isInterrupted = false;
  process.on("SIGINT", () => {
    // A second Ctrl-C does not wait for anyone.
    if (isInterrupted) process.exit(EXIT.interrupted);
    isInterrupted = true;
    interrupt.abort();
  });
  // Who reads no more (`peer events | head`) wants no more: no failure. `peer start` does not heed it and
  // runs on.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
      isPipeClosed = true;
      interrupt.abort();
    });
  }
  const { argv, env, stdout, stderr } = process;
  const exitCode = await runCli({
    argv: argv.slice(2),
    ...{ env, stdout, stderr, clock },
    stdin: () => process.stdin,
    signal: interrupt.signal,
  });
  process.exitCode = isPipeClosed && exitCode === EXIT.interrupted ? EXIT.done : exitCode;
}

const clock: CommandClock = {
  nowMs: () => Date.now(),
  sleep: (durationMs, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, durationMs);
      signal.addEventListener("abort", done);
    }),
};
