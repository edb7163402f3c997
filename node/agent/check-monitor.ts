/** Runs the health checks of one allocation while its tasks run. */
import {
  type Cancel,
  type CheckSpec,
  type CheckState,
  type Clock,
  canonicalText,
  type GroupSpec,
  type Health,
  observeCheck,
  type Random,
  UNKNOWN_CHECK,
  worstHealth,
} from "../../federation/index.ts";
import type { ProbeResult, Probes } from "../parts.ts";

/** The first probe comes soon, so that a healthy task is shown as such without waiting a whole interval. */
const FIRST_PROBE_MS = 200;
const OUTPUT_CHARACTERS_MAX = 256;

export interface CheckWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly probes: Probes;
  readonly group: GroupSpec;
  readonly ports: Readonly<Record<string, number>>;
  readonly address: string;
  /** Runs a command beside a task. */
  run(
    task: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }>;
  changed(): void;
}

interface Watched {
  readonly service: string;
  readonly check: CheckSpec;
  state: CheckState;
  isOn: boolean;
  /** Results of probes that began before the last stop are ignored. */
  round: number;
  cancel?: Cancel;
}

/** Which tasks a check may ask now. */
export interface CheckSubjects {
  /** This task runs. */
  task(name: string): boolean;
  /** The group does its work; `isOn`: the checks are asking already. */
  group(isOn: boolean): boolean;
}

function watchedOf({ services }: GroupSpec): readonly Watched[] {
  return services.flatMap((service) =>
    service.checks.map((check) => ({
      service: service.name,
      check,
      state: UNKNOWN_CHECK,
      isOn: false,
      round: 0,
    })),
  );
}

/** Equal for checks that ask the same for the same service. */
function nameOf({ check, service }: Watched): string {
  return canonicalText([service, check]);
}

export class CheckMonitor {
  readonly #world: CheckWorld;
  #watched: readonly Watched[];

  constructor(world: CheckWorld) {
    this.#world = world;
    this.#watched = watchedOf(world.group);
  }

  /**
   * A newer version of the group: checks that stay as they are keep what is known of them; the others begin
   * with the next `follow`.
   */
  replace(group: GroupSpec): void {
    const before = new Map(this.#watched.map((watched) => [nameOf(watched), watched]));
    const wanted = watchedOf(group).map((watched) => before.get(nameOf(watched)) ?? watched);
    for (const watched of this.#watched) if (!wanted.includes(watched) && watched.isOn) stop(watched);
    this.#watched = wanted;
    this.#world.changed();
  }

  get health(): Health {
    return worstHealth(this.#watched.map((watched) => watched.state));
  }

  /** Health of one service alone. */
  healthOf(service: string): Health {
    return worstHealth(
      this.#watched.filter((watched) => watched.service === service).map((watched) => watched.state),
    );
  }

  /** What the checks say that are about this task. */
  healthOfTask(name: string): Health {
    return worstHealth(
      this.#watched.filter(({ check }) => check.task === name).map((watched) => watched.state),
    );
  }

  /** Why it is unhealthy, for people. */
  get message(): string | undefined {
    const worst = this.#watched.find((watched) => watched.state.status === "critical");
    return worst === undefined ? undefined : `check ${worst.check.name}: ${worst.state.output}`;
  }

  /** Begins to ask what can be asked now, and forgets what was said of all else. */
  follow(subjects: CheckSubjects): void {
    let isChanged = false;
    for (const watched of this.#watched) {
      const { check, isOn } = watched;
      const isAsked = check.task === undefined ? subjects.group(isOn) : subjects.task(check.task);
      if (isAsked === isOn) continue;
      watched.isOn = isAsked;
      if (isAsked) this.#schedule(watched, Math.min(FIRST_PROBE_MS, check.intervalMs));
      else isChanged = stop(watched) || isChanged;
    }
    if (isChanged) this.#world.changed();
  }

  /** Asks nothing any more. */
  stop(): void {
    this.follow({ task: () => false, group: () => false });
  }

  #schedule(watched: Watched, delayMs: number): void {
    const { round } = watched;
    watched.cancel = this.#world.clock.after(delayMs, () => {
      void this.#probe(watched.check).then((result) => {
        if (round !== watched.round) return;
        this.#observe(watched, result);
        // What was observed may have led to a stop.
        if (round !== watched.round) return;
        // Spread by a tenth, so that many checks do not fall on one moment.
        const jitter = 0.95 + 0.1 * this.#world.random.next();
        const intervalMs = watched.state.status === "unknown" ? FIRST_PROBE_MS : watched.check.intervalMs;
        this.#schedule(watched, Math.min(intervalMs, watched.check.intervalMs) * jitter);
      });
    });
  }

  #observe(watched: Watched, result: ProbeResult): void {
    const before = watched.state.status;
    const output = result.output.slice(0, OUTPUT_CHARACTERS_MAX);
    watched.state = observeCheck(watched.state, watched.check, { passed: result.passed, output });
    if (watched.state.status !== before) this.#world.changed();
  }

  async #probe(check: CheckSpec): Promise<ProbeResult> {
    const { address, ports, probes } = this.#world;
    switch (check.type) {
      case "http": {
        const url = `http://${address}:${ports[check.port] ?? 0}${check.path}`;
        return probes.http({ url, method: check.method, timeoutMs: check.timeoutMs });
      }
      case "tcp":
        return probes.tcp({ host: address, port: ports[check.port] ?? 0, timeoutMs: check.timeoutMs });
      case "script":
        return this.#script(check);
    }
  }

  async #script(check: CheckSpec & { type: "script" }): Promise<ProbeResult> {
    try {
      const result = await this.#world.run(check.task, [check.command, ...check.args], check.timeoutMs);
      if (result.timedOut) return { passed: false, output: `no answer within ${check.timeoutMs} ms` };
      return {
        passed: result.exitCode === 0,
        output: `exit code ${result.exitCode}: ${result.output.trim()}`,
      };
    } catch (cause) {
      return { passed: false, output: cause instanceof Error ? cause.message : String(cause) };
    }
  }
}

/** Whether it had anything to say. */
function stop(watched: Watched): boolean {
  watched.round += 1;
  watched.cancel?.();
  const isChanged = watched.state !== UNKNOWN_CHECK;
  watched.state = UNKNOWN_CHECK;
  return isChanged;
}
