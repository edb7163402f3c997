/**
 * Kills a real peer with SIGKILL at random moments while jobs are submitted, changed and stopped, and proves
 * after each restart: every answered submission is there, no task was restarted by it, and in the end no
 * process is left. Two jobs that nobody changes run through it all and write numbers; their logs must have
 * every one.
 */
import { type Random, seededRandom } from "../../federation/index.ts";
import { eventually } from "./await.ts";
import { tasksOf } from "./orphans.ts";
import { PeerProcess } from "./peer-process.ts";

const JOBS_MAX = 6;
const STEADY_JOBS = ["steady-0", "steady-1"];
const KILL_WITHIN_MS = 400;

export interface KillLoopOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly program?: string;
  readonly log: (line: string) => void;
}

export interface KillLoopReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  /** Checks that a task kept its process over a kill. */
  readonly tasksKept: number;
  /** Lines of the steady jobs' logs, none of which is missing or doubled. */
  readonly linesRead: number;
}

interface Receipt {
  readonly version_id: string;
  readonly version: number | null;
}

interface JobAnswer {
  readonly version_id: string;
  readonly stopped: boolean;
  readonly allocations: readonly AllocationAnswer[];
}

interface AllocationAnswer {
  readonly id: string;
  readonly version: number;
  readonly desired: string;
  readonly status: string;
  readonly tasks: Readonly<
    Record<string, { readonly state: string; readonly pid: number | null; readonly restarts: number }>
  >;
}

/** What was answered last for a job, and what may have been taken without an answer after that. */
interface Expectation {
  acknowledged?: { readonly versionId: string; readonly stopped: boolean };
  /** A submission was cut off: the job may be at a later version. */
  uncertain: boolean;
}

export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopReport> {
  const random = seededRandom(options.seed);
  const expectations = new Map<string, Expectation>();
  const totals = { kills: 0, acknowledged: 0, unanswered: 0, tasksKept: 0, linesRead: 0 };
  const program = options.program === undefined ? {} : { program: options.program };
  let peer = await PeerProcess.start(program);
  const { data } = peer;
  try {
    for (const name of STEADY_JOBS) await peer.request("PUT", `/v1/jobs/${name}`, steadyJob(name));
    await eventually("the steady jobs run", async () =>
      (await runningTasks(peer)).size === STEADY_JOBS.length ? true : undefined,
    );
    for (let round = 0; round < options.rounds; round += 1) {
      const before = await runningTasks(peer);
      const work = submitUntilKilled(peer, random, expectations, totals);
      await new Promise((resolve) => setTimeout(resolve, random.next() * KILL_WITHIN_MS));
      await peer.kill("SIGKILL");
      totals.kills += 1;
      await work;
      peer = await PeerProcess.start({ data, ...program });
      await checkSubmissions(peer, expectations);
      totals.tasksKept += await checkTasks(peer, before);
      if (round % 20 === 19) options.log(`${round + 1} kills: ${JSON.stringify(totals)}`);
    }
    for (const name of STEADY_JOBS) totals.linesRead += await checkLog(peer, name);
    await stopAll(peer);
    await eventually("every task has ended", () => (tasksOf(data).length === 0 ? true : undefined));
  } finally {
    await peer.remove();
  }
  return totals;
}

async function submitUntilKilled(
  peer: PeerProcess,
  random: Random,
  expectations: Map<string, Expectation>,
  totals: { acknowledged: number; unanswered: number },
): Promise<void> {
  for (;;) {
    const name = `job-${Math.floor(random.next() * JOBS_MAX)}`;
    const expectation: Expectation = expectations.get(name) ?? { uncertain: false };
    expectations.set(name, expectation);
    const stop = expectation.acknowledged !== undefined && random.next() < 0.25;
    try {
      const receipt = stop
        ? await peer.request<Receipt>("DELETE", `/v1/jobs/${name}`)
        : await peer.request<Receipt>("PUT", `/v1/jobs/${name}`, jobFile(name, random));
      expectation.acknowledged = { versionId: receipt.version_id, stopped: stop };
      expectation.uncertain = false;
      totals.acknowledged += 1;
    } catch (cause) {
      if (peer.alive && cause instanceof Error && /: [45]\d\d /.test(cause.message)) throw cause;
      expectation.uncertain = true;
      totals.unanswered += 1;
      return;
    }
  }
}

function steadyJob(name: string): unknown {
  const script = "n=0; while true; do echo $n; n=$((n+1)); sleep 0.02; done";
  return {
    job: name,
    groups: {
      main: {
        tasks: {
          sleeper: {
            driver: "process",
            config: { command: "/bin/sh", args: ["-c", script] },
            resources: { cpu: 10, memory: "1MiB" },
            logs: { max_files: 50, max_file_size: "4KiB" },
          },
        },
      },
    },
  };
}

function jobFile(name: string, random: Random): unknown {
  return {
    job: name,
    type: "service",
    groups: {
      main: {
        count: 1 + Math.floor(random.next() * 2),
        tasks: {
          sleeper: {
            driver: "process",
            config: { command: "sleep", args: ["100000"] },
            // Half of the submissions change what runs, half only count or nothing.
            env: { FLAVOUR: String(Math.floor(random.next() * 2)) },
            resources: { cpu: 10, memory: "1MiB" },
            kill_timeout: "1s",
          },
        },
      },
    },
  };
}

/** Pids of the tasks that run when nothing is on its way to change. */
async function runningTasks(peer: PeerProcess): Promise<ReadonlyMap<string, number>> {
  const rows = await peer.request<{ items: readonly AllocationAnswer[] }>("GET", "/v1/allocations");
  const pids = new Map<string, number>();
  for (const row of rows.items) {
    const task = row.tasks["sleeper"];
    if (row.desired === "run" && task?.state === "running" && task.pid !== null) pids.set(row.id, task.pid);
  }
  return pids;
}

async function checkSubmissions(
  peer: PeerProcess,
  expectations: ReadonlyMap<string, Expectation>,
): Promise<void> {
  for (const [name, { acknowledged, uncertain }] of expectations) {
    if (acknowledged === undefined) continue;
    const versions = await peer.request<{ items: readonly { version_id: string }[] }>(
      "GET",
      `/v1/jobs/${name}/versions`,
    );
    if (!versions.items.some((version) => version.version_id === acknowledged.versionId)) {
      throw new Error(`answered version ${acknowledged.versionId} of ${name} is lost`);
    }
    const job = await peer.request<JobAnswer>("GET", `/v1/jobs/${name}`);
    if (!uncertain && job.version_id !== acknowledged.versionId) {
      throw new Error(`${name} is at ${job.version_id}, answered was ${acknowledged.versionId}`);
    }
    if (!uncertain && job.stopped !== acknowledged.stopped)
      throw new Error(`${name}: stopped is ${job.stopped}`);
  }
}

/** A task that ran before, and that nobody wanted changed, runs in the same process, never restarted. */
async function checkTasks(peer: PeerProcess, before: ReadonlyMap<string, number>): Promise<number> {
  let kept = 0;
  for (const [id, pid] of before) {
    const row = await peer.request<AllocationAnswer>("GET", `/v1/allocations/${id}`);
    if (row.desired !== "run") continue;
    const task = row.tasks["sleeper"];
    if (task?.restarts !== 0 || task.pid !== pid || task.state !== "running") {
      throw new Error(`task of ${id} had pid ${pid}, now ${JSON.stringify(task)}`);
    }
    process.kill(pid, 0);
    kept += 1;
  }
  return kept;
}

/** The numbers 0, 1, 2 … without gap, over all kills and rotations. */
async function checkLog(peer: PeerProcess, name: string): Promise<number> {
  const job = await peer.request<JobAnswer>("GET", `/v1/jobs/${name}`);
  const text = await peer.text(`/v1/allocations/${job.allocations[0]?.id}/logs?offset=0`);
  const lines = text.split("\n").slice(0, -1);
  const wrong = lines.findIndex((line, index) => line !== String(index));
  if (wrong !== -1) throw new Error(`line ${wrong} of the log of ${name} is ${lines[wrong]}`);
  return lines.length;
}

async function stopAll(peer: PeerProcess): Promise<void> {
  const jobs = await peer.request<{ items: readonly { id: string }[] }>("GET", "/v1/jobs");
  for (const { id } of jobs.items) {
    await peer.request("DELETE", `/v1/jobs/${id}`);
  }
}
