/**
 * `npm run bench -- start`: time to the API, and what an idle peer costs, alone and with keeper and one task.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../real/await.ts";
import { PeerProcess } from "../real/peer-process.ts";
import { cpuSeconds, pssBytes, rssBytes, writtenBytes } from "./process-memory.ts";
import { median, type Row } from "./row.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const BUNDLE = join(ROOT, "dist", "peer.js");
const STARTS = 5;
const IDLE_MS = Number(process.env["BENCH_IDLE_MS"] ?? 60_000);
/** A collection of garbage more or less is noise: the peer may settle first. */
const SETTLE_MS = 5_000;
const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

export async function run(): Promise<readonly Row[]> {
  const bundled = existsSync(BUNDLE);
  const program = bundled ? { program: BUNDLE } : {};
  const peer = await PeerProcess.start(program);
  const { data } = peer;
  const rows: Row[] = [
    { name: `program (${bundled ? "bundle" : "sources: run npm run build first"})`, value: 1, unit: "" },
    {
      name: "first start to API, empty data directory",
      value: peer.readyMs,
      unit: "ms",
      aim: 800,
      bar: 2_000,
    },
  ];
  await peer.kill("SIGTERM");
  const starts: number[] = [];
  for (let count = 0; count < STARTS; count += 1) {
    const again = await PeerProcess.start({ data, ...program });
    starts.push(again.readyMs);
    await again.kill("SIGTERM");
  }
  rows.push({
    name: `later start to API, median of ${STARTS}`,
    value: median(starts),
    unit: "ms",
    aim: 800,
    bar: 2_000,
  });
  const empty = await PeerProcess.start({ data, ...program });
  rows.push(...(await idle("empty peer", [empty.pid])));
  await startTask(empty);
  const keeper = await keeperOf(empty);
  rows.push(...(await idle("peer with keeper and one task", [empty.pid, keeper])));
  await empty.remove();
  return rows;
}

async function idle(name: string, pids: readonly number[]): Promise<readonly Row[]> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpu = sum(pids, cpuSeconds);
  const written = sum(pids, writtenBytes);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const seconds = sum(pids, cpuSeconds) - cpu;
  const bytes = sum(pids, writtenBytes) - written;
  return [
    { name: `${name}: memory (PSS)`, value: sum(pids, pssBytes) / MIB, unit: "MiB", aim: 110, bar: 150 },
    {
      name: `${name}: memory (RSS, shared pages counted twice)`,
      value: sum(pids, rssBytes) / MIB,
      unit: "MiB",
    },
    { name: `${name}: CPU`, value: (seconds * 100_000) / IDLE_MS, unit: "% of a core", aim: 0.3 },
    { name: `${name}: written`, value: (bytes / MIB) * (HOUR_MS / IDLE_MS), unit: "MiB/h", bar: 4 },
  ];
}

async function startTask(peer: PeerProcess): Promise<void> {
  await peer.request("PUT", "/v1/jobs/idle", {
    job: "idle",
    groups: {
      main: { tasks: { sleeper: { driver: "process", config: { command: "sleep", args: ["100000"] } } } },
    },
  });
  await eventually("the task runs", async () => {
    const { items } = await peer.request<{ items: { status: string }[] }>("GET", "/v1/allocations");
    return items[0]?.status === "running" ? true : undefined;
  });
}

/** The process that the task is a child of. */
async function keeperOf(peer: PeerProcess): Promise<number> {
  const { items } = await peer.request<{ items: { tasks: Record<string, { pid: number }> }[] }>(
    "GET",
    "/v1/allocations",
  );
  const pid = items[0]?.tasks["sleeper"]?.pid;
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
}

function sum(pids: readonly number[], figure: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + figure(pid), 0);
}
