/**
 * One simulated machine under a workload and faults drawn from a seed: jobs are submitted, changed and
 * stopped, tasks crash, the peer is killed, the power fails, at any disk call too. Then all is healed, and
 * what people asked for must run.
 */
import { canonicalText, type Random, seededRandom } from "../federation/index.ts";
import { checkCapacity } from "./checkers/capacity.ts";
import { EventChecker } from "./checkers/events.ts";
import { Trace } from "./checkers/trace.ts";
import { Violation, type ViolationKind } from "./checkers/violation.ts";
import { LabMachine } from "./machine.ts";
import type { RunReport } from "./run-report.ts";

const JOBS_MAX = 5;
const COUNT_MAX = 3;
/** Longest pause between two happenings. */
const PAUSE_MAX_MS = 4_000;
/** After the last fault everything runs as wanted within this. */
const HEAL_MS = 10 * 60_000;
/** A stop that was ordered comes within so many disk calls. */
const STOP_CALLS_MAX = 40;
const MINUTE_MS = 60_000;

export interface OneMachineOptions {
  readonly seed: number;
  readonly minutes: number;
}

/**
 * What must be true of a job: what was answered last; undefined once an unanswered change may have come after
 * it.
 */
interface Wish {
  readonly count: number;
  readonly stopped: boolean;
}

interface JobAnswer {
  readonly stopped: boolean;
  readonly groups: Readonly<Record<string, { readonly desired: number; readonly running: number }>>;
}

export async function runOneMachine(options: OneMachineOptions): Promise<RunReport> {
  const world = new World(options.seed);
  try {
    await world.start();
    const endMs = options.minutes * MINUTE_MS;
    while (world.passedMs < endMs) await world.happen();
    await world.heal();
    return world.report();
  } catch (error) {
    if (error instanceof Violation) error.trace = world.report().trace;
    throw error;
  }
}

class World {
  readonly #machine: LabMachine;
  readonly #random: Random;
  readonly #wishes = new Map<string, Wish | undefined>();
  readonly #answered = new Set<string>();
  readonly #trace = new Trace();
  readonly #events = new EventChecker();
  /** Where a reader of the events stands, who stays while peers come and go. */
  #cursor: string | undefined;
  readonly #happenings = new Map<string, number>();
  #startMs = 0;

  constructor(seed: number) {
    this.#machine = new LabMachine(seed);
    this.#random = seededRandom(seed).fork("workload");
  }

  get passedMs(): number {
    return this.#machine.clock.boot() - this.#startMs;
  }

  async start(): Promise<void> {
    await this.#machine.start();
    this.#startMs = this.#machine.clock.boot();
  }

  /** One thing drawn from the seed, and some time after it. */
  async happen(): Promise<void> {
    const kinds: readonly (readonly [string, number, () => Promise<void>])[] = [
      ["submit", 8, () => this.#submit()],
      ["stop job", 2, () => this.#stopJob()],
      ["crash task", 4, () => this.#crashTask()],
      ["kill peer", 2, () => this.#stopPeer("kill")],
      ["power cut", 1, () => this.#stopPeer("crash")],
      ["stop at disk call", 2, () => this.#stopAtDiskCall()],
      ["keeper dies", 1, () => this.#keeperDies()],
      ["clock jumps", 1, () => this.#clockJumps()],
      ["down and up", 1, () => this.#downAndUp()],
    ];
    const lots = kinds.flatMap((kind) => Array.from({ length: kind[1] }, () => kind));
    const [name, , act] = lots[Math.floor(this.#random.next() * lots.length)] ?? [];
    if (name === undefined || act === undefined) return;
    this.#happenings.set(name, (this.#happenings.get(name) ?? 0) + 1);
    this.#note(name);
    await act();
    await this.#machine.clock.advance(this.#random.next() * PAUSE_MAX_MS);
    this.#checkCapacity();
  }

  /** No more faults: what people asked for last runs, and nothing else. */
  async heal(): Promise<void> {
    this.#note("heal");
    await this.#machine.clock.advance(HEAL_MS);
    let wanted = 0;
    for (const [name, wish] of [...this.#wishes].sort()) {
      const job = await this.#machine.request<JobAnswer>("GET", `/v1/jobs/${name}`);
      if (job.status !== 200) {
        if (this.#answered.has(name)) this.#violate("safety", `answered job ${name} is lost`);
        continue;
      }
      const { desired, running } = job.body.groups["main"] ?? { desired: 0, running: 0 };
      const expected = job.body.stopped ? 0 : desired;
      if (
        wish !== undefined &&
        (wish.stopped !== job.body.stopped || (!wish.stopped && wish.count !== desired))
      ) {
        this.#violate(
          "safety",
          `${name} is ${JSON.stringify(job.body)}, answered was ${JSON.stringify(wish)}`,
        );
      }
      if (running !== expected) this.#violate("liveness", `${name}: ${running} of ${expected} run`);
      wanted += expected;
    }
    const tasks = this.#machine.tasks.running().length;
    if (tasks !== wanted) this.#violate("safety", `${tasks} tasks run, ${wanted} are wanted`);
  }

  report(): RunReport {
    return {
      traceHash: this.#trace.digest(),
      happenings: Object.fromEntries([...this.#happenings].sort()),
      trace: this.#trace.lines,
      events: this.#machine.clock.events,
      virtualMs: this.passedMs,
    };
  }

  async #submit(): Promise<void> {
    const name = this.#anyJob();
    const count = 1 + Math.floor(this.#random.next() * COUNT_MAX);
    const flavour = Math.floor(this.#random.next() * 2);
    this.#wishes.set(name, undefined);
    const answer = await this.#machine.request("PUT", `/v1/jobs/${name}`, jobFile(name, count, flavour));
    this.#note(`submitted ${name} count ${count} flavour ${flavour}: ${answer.status}`);
    if (answer.status !== 200) this.#violate("safety", `${name} was refused: ${JSON.stringify(answer.body)}`);
    this.#wishes.set(name, { count, stopped: false });
    this.#answered.add(name);
  }

  async #stopJob(): Promise<void> {
    const name = this.#anyJob();
    if (!this.#answered.has(name)) return;
    const wish = this.#wishes.get(name);
    const answer = await this.#machine.request("DELETE", `/v1/jobs/${name}`);
    this.#note(`stopped ${name}: ${answer.status}`);
    this.#wishes.set(name, { count: wish?.count ?? 1, stopped: true });
  }

  #crashTask(): Promise<void> {
    const running = this.#machine.tasks.running();
    const key = running[Math.floor(this.#random.next() * running.length)];
    if (key !== undefined) {
      this.#machine.tasks.end(key, { exitCode: 1 });
      this.#note(`crashed a task`);
    }
    return Promise.resolve();
  }

  async #stopPeer(how: "kill" | "crash"): Promise<void> {
    const before = new Set(this.#machine.tasks.running());
    await this.#machine.stop(how);
    await this.#machine.clock.advance(this.#random.next() * PAUSE_MAX_MS);
    const meanwhile = [...before].filter((key) => !this.#machine.tasks.running().includes(key));
    if (how === "kill" && meanwhile.length > 0)
      this.#violate("safety", `${meanwhile[0]} ended with the peer`);
    await this.#machine.start();
  }

  /** The peer dies in the middle of a submission, which may or may not be answered. */
  async #stopAtDiskCall(): Promise<void> {
    const how = this.#random.next() < 0.5 ? "kill" : "crash";
    const stopped = this.#machine.disk.stopAt(1 + Math.floor(this.#random.next() * STOP_CALLS_MAX), how);
    const submitted = this.#submit();
    submitted.catch(() => undefined);
    await Promise.race([stopped, submitted]);
    await this.#machine.stop(how);
    await this.#machine.start();
  }

  #keeperDies(): Promise<void> {
    this.#machine.tasks.crashKeeper();
    return Promise.resolve();
  }

  #clockJumps(): Promise<void> {
    this.#machine.clock.jumpWall((this.#random.next() - 0.5) * 2 * 3_600_000);
    return Promise.resolve();
  }

  async #downAndUp(): Promise<void> {
    await this.#machine.shutdown({ tasks: true });
    const left = this.#machine.tasks.running().length;
    if (left > 0) this.#violate("safety", `${left} tasks run after peer down`);
    await this.#machine.start();
  }

  /** Nothing is given out twice (DESIGN section 6, invariant 2). */
  #checkCapacity(): void {
    const { ledger } = this.#machine.peer.service;
    checkCapacity(ledger);
    this.#readEvents();
    const rows = ledger
      .allocations()
      .map((row) => `${row.job}[${row.index}] v${row.version} ${row.desired} ${row.status}`);
    this.#note(`index ${ledger.index}: ${rows.join(", ")}`);
  }

  /** Goes on where it was, with whatever peer runs now. */
  #readEvents(): void {
    const { events } = this.#machine.peer.service;
    const found = events.since(this.#cursor ?? events.oldest);
    if (this.#cursor === undefined || found === "reset") this.#events.begins("reader");
    const read = found === "reset" ? [] : found;
    for (const event of read) {
      const digest = canonicalText({ ...event, cursor: "" });
      this.#events.told(event, digest);
      this.#events.read("reader", event, digest);
    }
    this.#cursor = found === "reset" ? events.cursor : (read.at(-1)?.cursor ?? this.#cursor ?? events.oldest);
  }

  #anyJob(): string {
    return `job-${Math.floor(this.#random.next() * JOBS_MAX)}`;
  }

  #note(line: string): void {
    this.#trace.note(`${this.passedMs.toFixed(3)} ${line}`);
  }

  #violate(kind: ViolationKind, message: string): never {
    throw new Violation(kind, "promises to people", message);
  }
}

function jobFile(name: string, count: number, flavour: number): object {
  return {
    job: name,
    groups: {
      main: {
        count,
        network: { ports: { http: {} } },
        restart: { attempts: 2, interval: "1m", delay: "1s", mode: "fail" },
        reschedule: { unlimited: true, delay: "5s", delay_function: "exponential", max_delay: "1m" },
        tasks: {
          app: {
            driver: "process",
            config: { command: "run" },
            env: { FLAVOUR: String(flavour) },
            resources: { cpu: 100, memory: "100MiB" },
            kill_timeout: "2s",
          },
        },
      },
    },
  };
}
