/**
 * The keeper (S7): a small process that guards the tasks of one data directory and outlives the peer. Started
 * by the driver as `node keeper.js DATA_DIRECTORY`, standard error to `keeper/keeper.log`. Ends by itself
 * when nothing is left to guard and nobody has asked for a while.
 */
import * as fs from "node:fs";
import { flushCompileCache } from "node:module";
import type { Server } from "node:net";
import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createDiagnostics, type Diagnostics } from "./diagnostics.ts";
import {
  createEndpoint,
  type Endpoint,
  fifoDirectory,
  keeperDirectory,
  makePrivate,
  publishEndpoint,
  readEndpoint,
  recordDirectory,
  withdrawEndpoint,
} from "./endpoint.ts";
import { acquireLock } from "./lock.ts";
import { PROTOCOL_VERSION } from "./protocol.ts";
import { createKeeperServer } from "./server.ts";
import { Supervisor } from "./supervisor.ts";
import { openSystem, type System } from "./system/system.ts";

const IDLE_EXIT_MS = 60_000;
/** A keeper on its way out gets this long before a new one gives up. */
const LOCK_WAIT_MS = 3000;
const LOCK_RETRY_MS = 50;
const EXIT_LOCKED = 3;
const STANDARD_ERROR = 2;
/** O_CLOEXEC on Linux. */
const CLOSE_ON_EXEC = 0o2000000;
/** Tasks inherit it. */
const FILE_MODE_MASK = 0o022;

async function main(): Promise<void> {
  const [, , dataDirectory, idleExitMs = String(IDLE_EXIT_MS)] = process.argv;
  if (dataDirectory === undefined || !isAbsolute(dataDirectory) || !/^\d+$/.test(idleExitMs)) {
    throw new Error("usage: keeper DATA_DIRECTORY [IDLE_EXIT_MS]   (the directory as an absolute path)");
  }
  process.umask(FILE_MODE_MASK);
  closeInherited();
  const directory = keeperDirectory(dataDirectory);
  for (const path of [directory, recordDirectory(directory), fifoDirectory(directory)]) {
    makePrivate(path);
  }
  const log = createDiagnostics(join(directory, "keeper.log"));
  const system = await openSystem();
  if (!(await lock(directory, system, log))) {
    process.exitCode = EXIT_LOCKED;
    return;
  }
  await keep(directory, system, log, Number(idleExitMs));
  // From sources: the next start then needs not strip types, which takes more memory than all the rest.
  flushCompileCache();
}

/**
 * What the peer was started with open goes no further: a task must not hold some shell's lock file for
 * months. Node sees to the first numbers only; its own are all marked to be closed on exec.
 */
function closeInherited(): void {
  if (process.platform !== "linux") return;
  for (const name of fs.readdirSync("/proc/self/fdinfo")) {
    const fd = Number(name);
    if (fd <= STANDARD_ERROR) continue;
    try {
      const flags = /^flags:\s+([0-7]+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) fs.closeSync(fd);
    } catch {
      // The descriptor of the listing itself.
    }
  }
}

async function lock(directory: string, system: System, log: Diagnostics): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += LOCK_RETRY_MS) {
    const result = await acquireLock(directory, system.self, (identity) => system.isAlive(identity));
    if (result.held) return true;
    const endpoint = readEndpoint(directory);
    const isOpen = endpoint?.process.pid === result.holder.pid;
    // One without an address is about to listen, or on its way out.
    if (!isOpen && waitedMs < LOCK_WAIT_MS) {
      await sleep(LOCK_RETRY_MS);
      continue;
    }
    log("another keeper guards this directory", { pid: result.holder.pid });
    // Its socket may have been swept away, from a directory for temporary files: then it makes another.
    if (isOpen && process.platform !== "win32" && !fs.existsSync(endpoint.address)) {
      process.kill(result.holder.pid, "SIGHUP");
    }
    return false;
  }
}

async function keep(directory: string, system: System, log: Diagnostics, idleExitMs: number): Promise<void> {
  let endpoint: Endpoint | undefined;
  let server: Server | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let clients = 0;

  const exit = (reason: string): void => {
    log("keeper ends", { reason });
    if (endpoint !== undefined) withdrawEndpoint(directory, endpoint);
    process.exit(0);
  };
  const rearm = (): void => {
    clearTimeout(idleTimer);
    if (clients > 0 || supervisor.activeCount > 0) return;
    idleTimer = setTimeout(() => exit("idle"), idleExitMs);
  };
  const listen = async (): Promise<void> => {
    server?.close();
    endpoint = await createEndpoint(directory, system.self);
    server = createKeeperServer({
      supervisor,
      clientSecret: endpoint.clientSecret,
      hello: {
        version: PROTOCOL_VERSION,
        secret: endpoint.keeperSecret,
        pid: process.pid,
        tree: system.tree.kind,
      },
      log,
      onClient: (change) => {
        clients += change;
        rearm();
      },
      onShutdown: () => setImmediate(() => exit("asked to")),
    });
    await startListening(server, endpoint.address);
    publishEndpoint(directory, endpoint);
  };

  const supervisor = new Supervisor(directory, system, log, rearm);
  await supervisor.load();
  await listen();
  log("keeper started", { pid: process.pid, tree: system.tree.kind, active: supervisor.activeCount });
  let listening = Promise.resolve();
  process.on("SIGHUP", () => {
    listening = listening.then(listen);
  });
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => exit("terminated; tasks run on"));
  rearm();
}

function startListening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      if (process.platform !== "win32") fs.chmodSync(address, 0o600);
      resolve();
    });
  });
}

await main();
