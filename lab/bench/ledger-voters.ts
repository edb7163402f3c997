/**
 * Part of `npm run bench -- ledger`: three voters in one process on one machine, each with a log of its
 * own and real fdatasync, joined by links in memory. So it shows what consensus costs beside the disk, and no
 * network: three logs share one disk and one thread. A run counts if all three hold every entry.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  invariant,
  type Links,
  type LinkWatcher,
  type NodeId,
  seededRandom,
} from "../../federation/index.ts";
import { createClock, createCrypto, createDisk, RaftGroup } from "../../node/index.ts";
import { median, type Row } from "./row.ts";

const PROPOSERS = [1, 64, 1000];
const ROUNDS = 3;
const ROUND_MS = 1500;
const ENTRY_BYTES = 256;
const NO_SNAPSHOTS = Number.MAX_SAFE_INTEGER;
const NAMES = ["n1", "n2", "n3"] as readonly string[] as readonly NodeId[];
const SETTLE_MS = 5000;

interface Voter {
  readonly group: RaftGroup<number>;
  readonly count: () => number;
}

interface Run {
  readonly commitsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function runVoters(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const proposers of PROPOSERS) {
    const runs: Run[] = [];
    for (let round = 0; round < ROUNDS; round += 1) runs.push(await measure(proposers));
    const of = (figure: keyof Run) => median(runs.map((each) => each[figure]));
    const name = `three voters, ${proposers} proposer${proposers === 1 ? "" : "s"}`;
    rows.push({ name: `${name}: commits`, value: of("commitsPerSecond"), unit: "/s", higher: true });
    rows.push({ name: `${name}: p50`, value: of("p50Ms"), unit: "ms" });
    rows.push({ name: `${name}: p99`, value: of("p99Ms"), unit: "ms" });
  }
  return rows;
}

async function measure(proposers: number): Promise<Run> {
  const root = await mkdtemp(join(tmpdir(), "peer-bench-"));
  const voters: Voter[] = [];
  try {
    const links = memoryLinks();
    for (const name of NAMES) voters.push(await openVoter(root, name, links));
    const [leader] = voters;
    invariant(leader !== undefined, "there is a founder");
    for (const name of NAMES.slice(1)) await leader.group.addLearner(name);
    await until(() => leader.group.progress().every(({ match }) => match > 0));
    await leader.group.changeVoters(NAMES);
    const run = await propose(leader, proposers);
    await until(() => voters.every(({ count }) => count() === leader.count()));
    return run;
  } finally {
    for (const { group } of voters) await group.close();
    await rm(root, { recursive: true, force: true });
  }
}

async function openVoter(root: string, name: NodeId, links: (name: NodeId) => Links): Promise<Voter> {
  let count = 0;
  const group = await RaftGroup.open<number>({
    disk: createDisk(root),
    clock: createClock(),
    crypto: createCrypto(),
    random: seededRandom(name),
    log: () => undefined,
    ...{ regionId: "bench", generation: 1, founding: name === NAMES[0] ? "found" : "join" },
    links: links(name),
    folder: name,
    self: name,
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

async function propose({ group, count }: Voter, proposers: number): Promise<Run> {
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
  invariant(count() === latenciesMs.length, "every answer is an entry");
  latenciesMs.sort((left, right) => left - right);
  const quantile = (share: number) => latenciesMs[Math.floor(share * (latenciesMs.length - 1))] ?? Number.NaN;
  return { commitsPerSecond: count() / seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

/** Each message in a turn of its own, so that nobody answers within a call. */
function memoryLinks(): (name: NodeId) => Links {
  const watchers = new Map<NodeId, LinkWatcher>();
  return (self) => ({
    peers: () => [...watchers.keys()].filter((name) => name !== self).sort(),
    send: (peer, channel, data) => {
      const watcher = watchers.get(peer);
      if (watcher !== undefined) setImmediate(() => watcher.message(self, channel, data));
      return watcher !== undefined;
    },
    watch: (watcher) => {
      watchers.set(self, watcher);
      return () => watchers.delete(self);
    },
  });
}

async function until(isSo: () => boolean): Promise<void> {
  const start = performance.now();
  while (!isSo()) {
    invariant(performance.now() - start < SETTLE_MS, "three voters in one process keep up");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
