/**
 * `npm run bench -- ledger`: commits per second of the Raft shell with real fdatasync, one voter, entries of
 * 256 bytes. Each proposer waits for its answer before the next one. A run counts if a restart finds all.
 * Then a ledger at scale, see `ledger-scale.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, invariant, seededRandom } from "../../federation/index.ts";
import { createClock, createCrypto, createDisk, RaftGroup } from "../../node/index.ts";
import { measureScale } from "./ledger-scale.ts";
import { runVoters } from "./ledger-voters.ts";
import { median, type Row } from "./row.ts";

const PROPOSERS = [1, 64, 1000];
const ROUNDS = 3;
const ROUND_MS = 1500;
const ENTRY_BYTES = 256;
const SYNCS = 2000;
const NO_SNAPSHOTS = Number.MAX_SAFE_INTEGER;

interface Run {
  readonly commitsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytesPerEntry: number;
  readonly restartMs: number;
  readonly entries: number;
}

export async function run(): Promise<readonly Row[]> {
  const syncs = await inFolder(syncsPerSecond);
  const rows: Row[] = [{ name: "fdatasync alone, 277 bytes each", value: syncs, unit: "/s", higher: true }];
  // The restart is that of a folder with nothing in it.
  const fresh = await inFolder((disk) => timed(async () => (await openCounter(disk)).group.close()));
  rows.push({ name: "first start of an empty group", value: fresh, unit: "ms" });
  for (const proposers of PROPOSERS) {
    const runs: Run[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      runs.push(await inFolder((disk) => propose(disk, proposers)));
    }
    const of = (figure: keyof Run) => median(runs.map((each) => each[figure]));
    const name = `${proposers} proposer${proposers === 1 ? "" : "s"}`;
    rows.push({ name: `${name}: commits`, value: of("commitsPerSecond"), unit: "/s", higher: true });
    rows.push({ name: `${name}: p50`, value: of("p50Ms"), unit: "ms" });
    rows.push({ name: `${name}: p99`, value: of("p99Ms"), unit: "ms" });
    rows.push({ name: `${name}: bytes on disk beside the entry`, value: of("bytesPerEntry"), unit: "B" });
    rows.push({
      name: `${name}: restart, per 100,000 entries in the log`,
      value: restartOf(runs),
      unit: "ms",
    });
  }
  rows.push(...(await runVoters()), ...(await inFolder(measureScale)));
  return rows;
}

function restartOf(runs: readonly Run[]): number {
  return median(runs.map(({ entries, restartMs }) => (restartMs / entries) * 100_000));
}

async function inFolder<Value>(measure: (disk: Disk) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), "peer-bench-"));
  try {
    return await measure(createDisk(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the disk can do at best: one write and one sync after another, into reserved space. */
async function syncsPerSecond(disk: Disk): Promise<number> {
  const file = await disk.open("syncs");
  const data = new Uint8Array(ENTRY_BYTES + 21).fill(1);
  await file.resize(SYNCS * data.length);
  const ms = await timed(async () => {
    for (let count = 0; count < SYNCS; count += 1) {
      await file.writeAt(count * data.length, data);
      await file.sync();
    }
  });
  await file.close();
  return (SYNCS / ms) * 1000;
}

async function openCounter(disk: Disk): Promise<{ group: RaftGroup<number>; count: () => number }> {
  let count = 0;
  const group = await RaftGroup.open<number>({
    disk,
    clock: createClock(),
    crypto: createCrypto(),
    random: seededRandom("bench"),
    log: () => undefined,
    ...{ regionId: "bench", generation: 1, founding: "found" },
    links: { peers: () => [], send: () => false, watch: () => () => undefined },
    folder: "raft",
    self: "bench",
    apply: () => {
      count += 1;
      return count;
    },
    snapshot: () => new Uint8Array(1),
    restore: () => undefined,
    limits: { snapshotEntries: NO_SNAPSHOTS, snapshotBytes: NO_SNAPSHOTS },
  });
  return { group, count: () => count };
}

async function propose(disk: Disk, proposers: number): Promise<Run> {
  const { count, group } = await openCounter(disk);
  const latenciesMs: number[] = [];
  const data = new Uint8Array(ENTRY_BYTES).fill(7);
  const start = performance.now();
  const work = async () => {
    for (let sentMs = start; sentMs - start < ROUND_MS; ) {
      sentMs = performance.now();
      await group.propose(data);
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: proposers }, work));
  const seconds = (performance.now() - start) / 1000;
  const entries = count();
  const usedBytes = group.logBytes;
  await group.close();
  const reopened: { count?: () => number } = {};
  const restartMs = await timed(async () => {
    const again = await openCounter(disk);
    reopened.count = again.count;
    await again.group.close();
  });
  invariant(reopened.count?.() === entries && latenciesMs.length === entries, "a restart finds every commit");
  latenciesMs.sort((left, right) => left - right);
  const quantile = (share: number) => latenciesMs[Math.floor(share * (entries - 1))] ?? Number.NaN;
  return {
    commitsPerSecond: entries / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    bytesPerEntry: usedBytes / entries - ENTRY_BYTES,
    restartMs,
    entries,
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
