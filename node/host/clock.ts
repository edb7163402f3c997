/** The Clock port over the machine's clocks. */
import os from "node:os";
import type { Cancel, Clock } from "../../federation/index.ts";

/** setTimeout fires at once beyond this: a signed 32-bit number of milliseconds. */
const TIMER_DELAY_MAX_MS = 2 ** 31 - 1;
/** As fine as /proc/uptime counts: reading more often (6 us each) would learn nothing. */
const BOOT_READ_INTERVAL_MS = 10;

export interface TimeSource {
  wallMs(): number;
  monotonicMs(): number;
  /** Since boot, counting suspend; may be coarse. */
  bootMs(): number;
  /** May run a little early, as libuv's timers do. */
  startTimer(delayMs: number, run: () => void): Cancel;
}

export function createClock(source: TimeSource = systemTime()): Clock {
  let bootReadAtMs = Number.NEGATIVE_INFINITY;
  let bootReadMs = 0;
  let bootToldMs = 0;

  return {
    wall: source.wallMs,
    monotonic: source.monotonicMs,
    boot() {
      const nowMs = source.monotonicMs();
      if (nowMs - bootReadAtMs >= BOOT_READ_INTERVAL_MS) {
        bootReadMs = source.bootMs();
        bootReadAtMs = nowMs;
      }
      // Between two coarse readings the finer clock goes on; a reading below what was told must not take time
      // back.
      bootToldMs = Math.max(bootToldMs, bootReadMs + (nowMs - bootReadAtMs));
      return bootToldMs;
    },
    after: (delayMs, run) => startLongTimer(source, delayMs, run),
  };
}

/** Any length, and never early. */
function startLongTimer(source: TimeSource, delayMs: number, run: () => void): Cancel {
  const dueMs = source.monotonicMs() + Math.max(0, delayMs);
  let cancel = arm();

  function arm(): Cancel {
    const leftMs = Math.max(0, dueMs - source.monotonicMs());
    return source.startTimer(Math.min(Math.ceil(leftMs), TIMER_DELAY_MAX_MS), () => {
      if (source.monotonicMs() >= dueMs) run();
      else cancel = arm();
    });
  }

  return () => cancel();
}

function systemTime(): TimeSource {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    bootMs: systemBoot(process.platform),
    startTimer(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/**
 * Linux: /proc/uptime. Windows: GetTickCount64. Both count suspend and come with `os.uptime`. On macOS that
 * one is the wall clock less the boot time, so it jumps with the wall clock; `hrtime` there is
 * mach_continuous_time (libuv 1.39 and newer), which counts suspend.
 */
function systemBoot(platform: NodeJS.Platform): () => number {
  return platform === "darwin" ? () => Number(process.hrtime.bigint()) / 1e6 : () => os.uptime() * 1000;
}
