/**
 * A ledger of a million running allocations, jobs of 1,000 on 5,000 nodes, written through the Raft shell
 * with real fdatasync, one voter: its size in memory and as bytes, and how long a restart takes. Each
 * allocation has a port, one task with pid and start, and was reported once.
 */
import {
  type AllocationId,
  type AllocationReport,
  type Command,
  type CommandOutcome,
  type Disk,
  decodeCommand,
  type EvaluationId,
  encodeCommand,
  type Hash,
  invariant,
  type JobId,
  type JobSpec,
  Ledger,
  type NodeFacts,
  type NodeId,
  type RegionId,
  seededRandom,
} from "../../federation/index.ts";
import { createClock, createCrypto, RaftGroup } from "../../node/index.ts";
import { collectGarbage, usedBytes } from "./heap.ts";
import type { Row } from "./row.ts";

const ALLOCATIONS = Number(process.env["BENCH_ALLOCATIONS"] ?? 1_000_000);
const NODES = 5_000;
const JOB_COUNT = 1_000;
const PROPOSERS = 64;
const MIB = 1024 * 1024;
const HISTORY = { regionId: "5ca1e".padEnd(64, "0") as RegionId, generation: 1 };
const FIRST_PORT = 20_000;
const START_MS = 1_790_000_000_000;

export async function measureScale(disk: Disk): Promise<readonly Row[]> {
  const region = await Region.open(disk);
  const evaluations = await region.populate(Math.ceil(ALLOCATIONS / JOB_COUNT));
  collectGarbage();
  const before = usedBytes();
  const onNode = await region.place(evaluations);
  await region.report(onNode);
  onNode.length = 0;
  collectGarbage();
  const heldBytes = usedBytes() - before;
  const { ledger } = region;
  const encoded = timed(() => ledger.encode());
  const hash = ledger.hash(createCrypto().sha256);
  await region.close();
  const start = performance.now();
  const again = await Region.open(disk);
  const restartMs = performance.now() - start;
  invariant(again.ledger.hash(createCrypto().sha256) === hash, "a restart gives the same ledger");
  await again.close();
  const restored = timed(() => new Ledger(HISTORY).restore(encoded.value));
  const name = `${ALLOCATIONS.toLocaleString("en")} allocations`;
  const each = (bytes: number) => ({ value: bytes / ALLOCATIONS, unit: "bytes each" });
  return [
    { name: `${name}: memory, with claims`, ...each(heldBytes), aim: 100 },
    {
      name: `${name}: applied, without codec and disk`,
      value: region.changesPerSecond,
      unit: "/s",
      higher: true,
    },
    { name: `${name}: snapshot`, ...each(encoded.value.length) },
    { name: `${name}: snapshot made`, value: encoded.ms, unit: "ms" },
    { name: `${name}: snapshot restored`, value: restored.ms, unit: "ms", aim: 3_000 },
    { name: `${name}: restart, snapshot and log`, value: restartMs, unit: "ms", bar: 10_000, aim: 3_000 },
  ];
}

/** Ids of what runs on each node. */
type OnNode = AllocationId[][];

class Region {
  readonly ledger: Ledger;
  readonly #group: RaftGroup<CommandOutcome>;
  readonly #spent: { ms: number };
  #changes = 0;

  private constructor(ledger: Ledger, group: RaftGroup<CommandOutcome>, spent: { ms: number }) {
    this.ledger = ledger;
    this.#group = group;
    this.#spent = spent;
  }

  static async open(disk: Disk): Promise<Region> {
    const ledger = new Ledger(HISTORY);
    const spent = { ms: 0 };
    const group = await RaftGroup.open<CommandOutcome>({
      disk,
      clock: createClock(),
      crypto: createCrypto(),
      random: seededRandom("ledger"),
      log: () => undefined,
      ...{ ...HISTORY, founding: "found" as const },
      links: { peers: () => [], send: () => false, watch: () => () => undefined },
      folder: "raft",
      self: "bench",
      apply: (index, data) => {
        const command = decodeCommand(data);
        const applied = timed(() => ledger.apply(index, command).outcome);
        spent.ms += applied.ms;
        return applied.value;
      },
      snapshot: () => ledger.encode(),
      restore: (bytes) => ledger.restore(bytes),
    });
    return new Region(ledger, group, spent);
  }

  get changesPerSecond(): number {
    return (this.#changes / this.#spent.ms) * 1000;
  }

  close(): Promise<void> {
    return this.#group.close();
  }

  /** Nodes, and jobs that want their instances; their evaluations. */
  async populate(jobs: number): Promise<readonly EvaluationId[]> {
    await inBatches(NODES, (n) => {
      return this.#propose({ kind: "node.register", node: nodeFacts(n), atMs: START_MS });
    });
    const outcomes = await inBatches(jobs, (n) => this.#propose(admission(n)));
    this.#spent.ms = 0;
    return outcomes.flatMap(({ evaluation }) => evaluation ?? []);
  }

  async place(evaluations: readonly EvaluationId[]): Promise<OnNode> {
    const random = seededRandom("ids");
    const onNode: OnNode = Array.from({ length: NODES }, () => []);
    let made = 0;
    for (const [n, evaluation] of evaluations.entries()) {
      const count = Math.min(JOB_COUNT, ALLOCATIONS - made);
      const placements = Array.from({ length: count }, (_, index) => {
        const node = made % NODES;
        const port = FIRST_PORT + Math.floor(made / NODES);
        const id = uuid(random.bytes(16));
        onNode[node]?.push(id);
        made += 1;
        return { id, group: "web", index, nodeId: nodeId(node), ports: { http: port } };
      });
      const { refused } = await this.#propose({
        kind: "plan.apply",
        evaluation,
        version: 1,
        snapshotIndex: this.ledger.index,
        placements,
        stops: [],
        abandoned: [],
        outcome: "complete",
        refusals: [],
        atMs: START_MS + n,
      });
      invariant(refused === 0, "all are placed");
    }
    this.#changes += made;
    return onNode;
  }

  async report(onNode: OnNode): Promise<void> {
    await inBatches(NODES, async (n) => {
      const ids = onNode[n] ?? [];
      if (ids.length === 0) return;
      const atMs = START_MS + 10_000 + n;
      const reports = ids.map((id, at): AllocationReport => {
        const tasks = {
          app: { state: "running" as const, restarts: 0, pid: 1_000 + at, startedAtMs: atMs - at },
        };
        return { id, status: "running", tasks, health: "none", atMs };
      });
      const { refused } = await this.#propose({
        kind: "allocation.report",
        nodeId: nodeId(n),
        reports,
        atMs,
      });
      invariant(refused === 0, "all are known");
      this.#changes += reports.length;
    });
  }

  async #propose(command: Command): Promise<CommandOutcome & { readonly ok: true }> {
    const { result } = await this.#group.propose(encodeCommand(command));
    invariant(result.ok, `the ledger takes ${command.kind}`);
    return result;
  }
}

/** Some at a time, as a leader gets them. */
async function inBatches<Value>(
  count: number,
  run: (n: number) => Promise<Value>,
): Promise<readonly Value[]> {
  const values: Value[] = [];
  for (let first = 0; first < count; first += PROPOSERS) {
    const length = Math.min(PROPOSERS, count - first);
    values.push(...(await Promise.all(Array.from({ length }, (_, n) => run(first + n)))));
  }
  return values;
}

function admission(n: number): Command {
  const spec = specOf(n);
  const version = n.toString(16).padStart(64, "0") as Hash;
  return {
    kind: "job.admit",
    namespace: "default",
    job: spec.id,
    heads: [version],
    follows: [],
    versionId: version,
    operation: "run",
    spec,
    submittedBy: "bench",
    submittedAtMs: START_MS,
    atMs: START_MS,
  };
}

function specOf(n: number): JobSpec {
  const task = {
    name: "app",
    driver: "process",
    config: { command: "./server" },
    env: {},
    meta: {},
    resources: { cpu: 100, memoryBytes: 64 * MIB },
    killTimeoutMs: 5_000,
    killSignal: "SIGTERM",
    logs: { maxFiles: 2, maxFileSizeBytes: MIB },
  };
  const group = {
    name: "web",
    count: JOB_COUNT,
    meta: {},
    restart: { attempts: 2, intervalMs: 60_000, delayMs: 1_000, mode: "fail" as const },
    reschedule: {
      attempts: 0,
      unlimited: true,
      intervalMs: 0,
      delayMs: 30_000,
      delayFunction: "constant" as const,
      maxDelayMs: 30_000,
    },
    ports: [{ label: "http" }],
    services: [],
    tasks: [task],
  };
  const id = `job-${n}` as JobId;
  return { id, namespace: "default", type: "service", priority: 50, meta: {}, groups: [group] };
}

function nodeFacts(n: number): NodeFacts {
  return {
    id: nodeId(n),
    name: nodeId(n),
    region: HISTORY.regionId,
    address: "127.0.0.1",
    os: "linux",
    arch: "x64",
    version: "1.0.0",
    resources: { cpu: 64_000, memoryBytes: 131_072 * MIB, diskBytes: 500_000 * MIB },
    dynamicPorts: [FIRST_PORT, FIRST_PORT + 12_000],
    reservedPorts: [7337],
    drivers: { process: { detected: true, healthy: true, attributes: {} } },
    attributes: {},
    meta: {},
    incarnation: 1,
    bootId: "boot",
  };
}

function nodeId(n: number): NodeId {
  return `node-${n}` as NodeId;
}

function uuid(bytes: Uint8Array): AllocationId {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-") as AllocationId;
}

function timed<Value>(run: () => Value): { readonly value: Value; readonly ms: number } {
  const start = performance.now();
  const value = run();
  return { value, ms: performance.now() - start };
}
