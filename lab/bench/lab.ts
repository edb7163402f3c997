/** `npm run bench -- lab`: how much of the world's time an hour of one core buys. */
import { type NodeId, seededRandom } from "../../federation/index.ts";
import { Network } from "../network/network.ts";
import { LAN } from "../network/rules.ts";
import { MachineClock } from "../time/machine-clock.ts";
import { ProcessClock } from "../time/process-clock.ts";
import { Timeline } from "../time/timeline.ts";
import { WORLDS } from "../worlds.ts";
import type { Row } from "./row.ts";

const EVENTS = 1_000_000;
const MACHINES = 5;
const BAR_EVENTS = 100_000;
const BAR_SEEDS = 60;
const SEED_MINUTES = 2;
const RAFT_SEEDS = 60;
const MACHINE_SEEDS = 20;
/** Promises that one event sets off, as an asynchronous function with a few awaits does. */
const CHAIN_STEPS = 5;

export async function run(): Promise<readonly Row[]> {
  return [
    await events("timers and messages of 5 machines, handled at once", 0),
    await events(`the same, each setting off a chain of ${CHAIN_STEPS} promises`, CHAIN_STEPS),
    ...(await seeds("raft", RAFT_SEEDS)),
    ...(await seeds("machine", MACHINE_SEEDS)),
  ];
}

/** Whole runs of a world with all checks, each once. */
async function seeds(world: string, count: number): Promise<readonly Row[]> {
  const run = WORLDS[world];
  const cpu = process.cpuUsage();
  let ran = 0;
  for (let seed = 1; seed <= count; seed += 1) {
    ran += (await run?.({ seed, minutes: SEED_MINUTES }))?.events ?? 0;
  }
  const { system, user } = process.cpuUsage(cpu);
  const seconds = (system + user) / 1e6;
  const name = `world ${world}, ${SEED_MINUTES} virtual minutes a seed`;
  return [
    { name, value: (60 * count) / seconds, unit: "seeds/min", bar: BAR_SEEDS, higher: true },
    { name: `world ${world}, all checks on`, value: ran / seconds, unit: "events/s and core", higher: true },
  ];
}

/** Peers answer every message they get, and set and call off a timer with each, as Raft does. */
async function events(name: string, steps: number): Promise<Row> {
  const timeline = new Timeline();
  const ids = Array.from({ length: MACHINES }, (_, n) => `node-${n}` as NodeId);
  const network = new Network(timeline, seededRandom("bench"), ids, LAN);
  const data = new Uint8Array(100);
  for (const id of ids) {
    const clock = new ProcessClock(new MachineClock(timeline));
    const links = network.attach(id, clock);
    let cancel = clock.after(1000, () => undefined);
    const answer = async (peer: NodeId) => {
      for (let step = 0; step < steps; step += 1) await undefined;
      cancel();
      cancel = clock.after(1000, () => undefined);
      links.send(peer, "raft", data);
    };
    links.watch({
      opened: (peer) => void answer(peer),
      closed: () => undefined,
      message: (peer) => void answer(peer),
    });
  }
  await timeline.advance(1000);
  const before = timeline.ran;
  const cpu = process.cpuUsage();
  while (timeline.ran - before < EVENTS) await timeline.advance(10);
  const { system, user } = process.cpuUsage(cpu);
  const value = (timeline.ran - before) / ((system + user) / 1e6);
  return { name, value, unit: "events/s and core", bar: BAR_EVENTS, higher: true };
}
