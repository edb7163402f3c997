/**
 * When a task has to end though nobody asks any more: the lease of an exclusive (S8), on the clock that
 * counts suspend. The peer moves it while it holds the lease; if the peer is dead or cut off, it comes.
 */
import { uptime } from "node:os";

/** Times of the machine's clock since boot, in milliseconds. */
export interface Deadline {
  /** It gets `killSignal`. */
  readonly stopAtMs: number;
  /** Its whole tree is killed. */
  readonly killAtMs: number;
  readonly killSignal: string;
}

export type DeadlineStep = "stop" | "kill";

/** Timers stand still in suspend, the deadline does not: so the clock is looked at this often. */
const LOOK_MS = 500;

/**
 * Linux: /proc/uptime. Windows: GetTickCount64. macOS: mach_continuous_time. The same that the peer's clock
 * reads (`node/host/clock.ts`), or its times would mean nothing here.
 */
export function systemBootMs(): number {
  return process.platform === "darwin" ? Number(process.hrtime.bigint()) / 1e6 : uptime() * 1000;
}

export class DeadlineTimer {
  readonly #bootMs: () => number;
  readonly #act: (step: DeadlineStep, killTimeoutMs: number) => void;
  #deadline: Deadline | undefined;
  #timer: NodeJS.Timeout | undefined;
  #done: DeadlineStep | undefined;

  /** `act` is called once for each step, `kill` also alone where the time for `stop` has passed unseen. */
  constructor(bootMs: () => number, act: (step: DeadlineStep, killTimeoutMs: number) => void) {
    this.#bootMs = bootMs;
    this.#act = act;
  }

  /** Only ever moves away: a lease that was given stands. Too late once the stop has begun. */
  set(deadline: Deadline): boolean {
    if (this.#done !== undefined) return false;
    if (this.#deadline !== undefined && deadline.killAtMs <= this.#deadline.killAtMs) return true;
    this.#deadline = deadline;
    this.#look();
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#done = "kill";
  }

  #look(): void {
    clearTimeout(this.#timer);
    const deadline = this.#deadline;
    if (deadline === undefined || this.#done === "kill") return;
    const leftMs = Math.max(0, deadline.killAtMs - this.#bootMs());
    if (leftMs === 0) {
      this.#done = "kill";
      this.#act("kill", 0);
      return;
    }
    const untilStopMs = deadline.stopAtMs - this.#bootMs();
    if (untilStopMs <= 0 && this.#done === undefined) {
      this.#done = "stop";
      this.#act("stop", leftMs);
    }
    const nextMs = this.#done === undefined ? untilStopMs : leftMs;
    this.#timer = setTimeout(() => this.#look(), Math.min(nextMs, LOOK_MS));
  }
}
