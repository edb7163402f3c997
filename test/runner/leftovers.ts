/**
 * Loaded before a file of tests: the process ends with its last test (`--test-force-exit`), so what a test
 * forgot to stop hangs no run. What is left then is named, as a test is to stop what it starts.
 */
import { ChildProcess } from "node:child_process";
import { Server } from "node:net";
import { isMainThread } from "node:worker_threads";

/** Of `process.getActiveResourcesInfo()`. Sockets and timers are left out: they may be about to close. */
const watchers = new Set(["UDPWrap", "FSEventWrap"]);

/** Known to Node alone: the list above also counts processes that have just ended. */
const { _getActiveHandles } = process as unknown as { _getActiveHandles(): readonly unknown[] };

function leftovers(): string[] {
  const handles = _getActiveHandles();
  const children = handles.filter((handle) => handle instanceof ChildProcess);
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const commands = running.map(({ spawnargs, pid }) => `process ${pid} (${spawnargs.join(" ")})`);
  // One that has just been closed is still active, but does not listen.
  const servers = handles.filter((handle) => handle instanceof Server && handle.listening);
  const addresses = servers.map((server) => `server on ${JSON.stringify((server as Server).address())}`);
  const others = process.getActiveResourcesInfo().filter((name) => watchers.has(name));
  return [...commands, ...addresses, ...others];
}

if (isMainThread) {
  process.on("exit", () => {
    const left = leftovers();
    if (left.length > 0) process.stderr.write(`left running by ${process.argv[1]}: ${left.join(", ")}\n`);
  });
}
