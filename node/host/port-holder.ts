/** Who listens on a TCP port of this machine, as well as this user may know. */
import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { PeerError } from "../../federation/index.ts";
import { formatHostPort, type HostPort } from "../config.ts";

const COMMAND_TIMEOUT_MS = 3_000;
/** The very next one is the mesh's, by default. */
const NEXT_PORT_STEP = 10;
const PORT_MAX = 65_535;
/** `st` column of /proc/net/tcp. */
const LISTEN_STATE = "0A";

/**
 * Refuses (PeerError `conflict`) an address that can't be listened on, naming the holder where that is known.
 */
export async function checkPortFree(address: HostPort, flagName: string): Promise<void> {
  const code = await tryListen(address);
  if (code === undefined) return;
  const where = formatHostPort(address);
  if (code === "EADDRINUSE") {
    const holder = await portHolder(address.port);
    const who = holder === undefined ? "another program" : holder;
    const step = address.port + NEXT_PORT_STEP > PORT_MAX ? -NEXT_PORT_STEP : NEXT_PORT_STEP;
    const next = formatHostPort({ ...address, port: address.port + step });
    throw new PeerError("conflict", `${where} is taken by ${who}`, {
      hint: `stop it, or choose another port: ${flagName} ${next}`,
    });
  }
  const why =
    code === "EACCES"
      ? "this user may not use that port"
      : code === "EADDRNOTAVAIL"
        ? "it is no address of this machine"
        : code;
  throw new PeerError("bad_request", `can't listen on ${where}: ${why}`, {
    hint: `choose another: ${flagName} 127.0.0.1:7337`,
  });
}

function tryListen({ host, port }: HostPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** `node (pid 123)`. */
async function portHolder(port: number): Promise<string | undefined> {
  try {
    if (process.platform === "linux") return await linuxHolder(port);
    if (process.platform === "win32") return await windowsHolder(port);
    return await lsofHolder(port);
  } catch {
    return undefined;
  }
}

async function linuxHolder(port: number): Promise<string | undefined> {
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(file, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      const localPort = Number.parseInt(columns[1]?.split(":")[1] ?? "", 16);
      if (localPort === port && columns[3] === LISTEN_STATE && columns[9] !== undefined)
        inodes.add(`socket:[${columns[9]}]`);
    }
  }
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (inodes.has(target)) return `${await linuxProgram(pid)} (pid ${pid})`;
    }
  }
  return undefined;
}

/** What it was started as: its `comm` is the name of its main thread, which Node.js sets to "MainThread". */
async function linuxProgram(pid: string): Promise<string> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return path.basename(commandLine.split("\0")[0] ?? "") || "a program";
}

async function lsofHolder(port: number): Promise<string | undefined> {
  const text = await output("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const pid = /^p(\d+)$/m.exec(text)?.[1];
  const name = /^c(.+)$/m.exec(text)?.[1];
  return pid === undefined ? undefined : `${name ?? "a program"} (pid ${pid})`;
}

async function windowsHolder(port: number): Promise<string | undefined> {
  const text = await output("netstat", ["-ano", "-p", "TCP"]);
  const line = text
    .split("\n")
    .find((candidate) => /LISTENING/.test(candidate) && candidate.includes(`:${port} `));
  const pid = line?.trim().split(/\s+/).at(-1);
  return pid === undefined ? undefined : `a program (pid ${pid})`;
}

function output(command: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...words], { timeout: COMMAND_TIMEOUT_MS }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}
