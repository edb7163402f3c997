/**
 * Membership of 1,000: how soon a death is seen, how often a living one is taken for dead, and what it costs,
 * with and without lost messages and slow machines. On virtual time; the core and its codec are the real
 * ones.
 */
import { SWIM_LIMITS } from "../../federation/index.ts";
import { SwimCluster } from "../swim/cluster.ts";
import type { Row } from "./row.ts";

const MEMBERS = 1_000;
const JOIN_MS = 15_000;
const QUIET_MS = 10_000;
const DETECT_MS = 12_000;
const RECOVER_MS = 4_000;
const LOSSES = [0, 0.01, 0.05, 0.2];
const DEATHS = 3;
const SLOW_MEMBERS = 20;
const SLOW_ROUNDS = 10;
const PAUSE_MS = 3_000;
const SLOW_STEP_MS = 5_000;

export async function run(): Promise<readonly Row[]> {
  const cluster = new SwimCluster({ members: MEMBERS, seed: "bench" });
  const rows: Row[] = [...joining(cluster)];
  for (const loss of LOSSES) rows.push(...detection(cluster, loss));
  rows.push(...slowness(cluster, "with Lifeguard"));
  const plain = new SwimCluster({
    members: MEMBERS / 5,
    seed: "plain",
    limits: { ...SWIM_LIMITS, localHealthMax: 0, suspicionMaxFactor: 1, stallMs: Number.POSITIVE_INFINITY },
  });
  plain.run(JOIN_MS);
  const guarded = new SwimCluster({ members: MEMBERS / 5, seed: "plain" });
  guarded.run(JOIN_MS);
  rows.push(...slowness(guarded, `${MEMBERS / 5} members, with Lifeguard`));
  rows.push(...slowness(plain, `${MEMBERS / 5} members, without`));
  return rows;
}

/** All start at one moment: the worst there is. */
function joining(cluster: SwimCluster): Row[] {
  cluster.run(JOIN_MS);
  const lastMs = cluster.observed.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  const sent = sentBytes(cluster);
  cluster.run(QUIET_MS);
  return [
    { name: `${cluster.size} members start at once: all know all`, value: lastMs, unit: "ms" },
    { name: "  bytes a member in that time", value: sent / cluster.size, unit: "bytes" },
    {
      name: "idle, bytes a member and second",
      value: (sentBytes(cluster) - sent) / cluster.size / (QUIET_MS / 1_000),
      unit: "bytes/s",
    },
  ];
}

/** Members lose their power, one after the other. */
function detection(cluster: SwimCluster, loss: number): Row[] {
  cluster.setLoss(loss);
  cluster.observed = [];
  const sent = sentBytes(cluster);
  const startMs = cluster.nowMs;
  cluster.run(QUIET_MS);
  const seen: number[] = [];
  let spread: number[] = [];
  const killed = new Set<string>();
  for (let death = 0; death < DEATHS; death += 1) {
    const index = 100 + death * 7;
    killed.add(cluster.idOf(index));
    const atMs = cluster.nowMs;
    cluster.kill(index, { resets: false, keeperAnswers: false });
    cluster.run(DETECT_MS);
    const deaths = cluster.observed.filter(
      ({ change, subject }) => change === "dead" && subject === cluster.idOf(index),
    );
    const times = deaths.map((each) => each.atMs - atMs).sort((left, right) => left - right);
    seen.push(times[0] ?? DETECT_MS);
    spread = [...spread, ...times];
    cluster.restart(index);
    cluster.run(RECOVER_MS);
  }
  const seconds = (cluster.nowMs - startMs) / 1_000;
  const wrong = (what: string) =>
    cluster.observed.filter(({ change, subject }) => change === what && !killed.has(subject));
  const name = `loss ${loss * 100} %`;
  return [
    {
      name: `${name}: power lost, seen by the first, worst of ${DEATHS}`,
      value: Math.max(...seen),
      unit: "ms",
    },
    { name: "  by all, p50", value: quantile(spread, 0.5), unit: "ms" },
    { name: "  by all, p99", value: quantile(spread, 0.99), unit: "ms" },
    { name: "  living members taken for dead by anybody", value: subjects(wrong("dead")), unit: "members" },
    {
      name: "  living members suspected an hour and member",
      value: (subjects(wrong("suspect")) / cluster.size / seconds) * 3_600,
      unit: "",
    },
    {
      name: "  bytes a member and second",
      value: (sentBytes(cluster) - sent) / cluster.size / seconds,
      unit: "bytes/s",
    },
  ].map((row) => (row.unit === "" ? { ...row, unit: "suspicions" } : row));
}

/** Some machines stand still for seconds, again and again. */
function slowness(cluster: SwimCluster, name: string): Row[] {
  cluster.setLoss(0);
  cluster.run(RECOVER_MS);
  cluster.observed = [];
  const slow = Array.from({ length: SLOW_MEMBERS }, (_, n) => 40 + n * 5);
  for (let round = 0; round < SLOW_ROUNDS; round += 1) {
    for (const index of slow) cluster.pause(index, PAUSE_MS);
    cluster.run(SLOW_STEP_MS);
  }
  const slowIds = new Set(slow.map((index) => cluster.idOf(index)));
  const dead = cluster.observed.filter(({ change }) => change === "dead");
  const healthy = dead.filter(({ subject }) => !slowIds.has(subject));
  return [
    {
      name: `${SLOW_MEMBERS} machines stand still for 3 of 5 s (${name}): healthy ones taken for dead`,
      value: subjects(healthy),
      unit: "members",
    },
    { name: "  of the slow ones taken for dead", value: subjects(dead) - subjects(healthy), unit: "members" },
  ];
}

function subjects(observed: readonly { readonly subject: string }[]): number {
  return new Set(observed.map(({ subject }) => subject)).size;
}

function sentBytes(cluster: SwimCluster): number {
  let bytes = 0;
  for (let index = 0; index < cluster.size; index += 1) bytes += cluster.core(index).counters.sentBytes;
  return bytes;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}
