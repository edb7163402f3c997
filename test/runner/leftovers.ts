/**
 * Loaded before a file of tests: the process ends with its last test (`--test-force-exit`), so what a test
 * forgot to stop hangs no run. What is left then is named, as a test is to stop what it starts.
 */
import { isMainThread } from "node:worker_threads";

/** Of `process.getActiveResourcesInfo()`. Sockets and timers are left out: they may be about to close. */
const stopped = new Set(["ProcessWrap", "TCPServerWrap", "PipeServerWrap", "UDPWrap", "FSEventWrap"]);

if (isMainThread) {
  process.on("exit", () => {
    const left = process.getActiveResourcesInfo().filter((name) => stopped.has(name));
    if (left.length > 0) process.stderr.write(`left running by ${process.argv[1]}: ${left.join(", ")}\n`);
  });
}
