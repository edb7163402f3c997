/**
 * Limits of runs as controllers of version 2 control groups set them: cores by `cpuset.cpus`, memory by
 * `memory.max`. A core that one run reserved is taken from all others. What the machine has no controller for
 * is left out: then the task is told of its limits, and that is all.
 */
import * as fs from "node:fs";
import { join } from "node:path";

export interface RunLimits {
  /** Ids of cores that are the run's alone. */
  readonly cores?: readonly number[];
  readonly memoryMaxBytes?: number;
}

const CONTROLLERS = ["cpuset", "memory"] as const;

/** Which of the controllers the hierarchy at this place offers to groups. */
export function limitControllers(mount: string): readonly string[] {
  const offered = new Set(readText(join(mount, "cgroup.controllers")).split(/\s+/));
  return CONTROLLERS.filter((name) => offered.has(name));
}

export class Limits {
  readonly #mount: string;
  /** The group in which each run has one. */
  readonly #parent: string;
  readonly #reserved = new Map<string, readonly number[]>();
  #isReady = false;

  constructor(mount: string, parent: string) {
    this.#mount = mount;
    this.#parent = parent;
  }

  /** Sets them on the run's group, which is there; also again, when a keeper takes the run over. */
  set(run: string, { cores, memoryMaxBytes }: RunLimits): void {
    if (cores !== undefined || memoryMaxBytes !== undefined) this.#prepare();
    if (memoryMaxBytes !== undefined) this.#write(run, "memory.max", String(memoryMaxBytes));
    if (cores !== undefined) {
      this.#reserved.set(run, cores);
      this.#share();
    } else if (this.#reserved.size > 0 && !this.#reserved.has(run)) {
      this.#write(run, "cpuset.cpus", this.#others());
    }
  }

  /** The run has ended. */
  release(run: string): void {
    if (this.#reserved.delete(run)) this.#share();
  }

  #prepare(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    for (const controller of limitControllers(this.#mount)) {
      for (const group of [this.#mount, this.#parent]) {
        writeQuietly(join(group, "cgroup.subtree_control"), `+${controller}`);
      }
    }
  }

  /** Those that reserve none give up what another one reserved; nothing is written where nobody ever did. */
  #share(): void {
    const others = this.#others();
    for (const run of this.#runs()) {
      this.#write(run, "cpuset.cpus", this.#reserved.get(run)?.join(",") ?? others);
    }
  }

  #runs(): readonly string[] {
    try {
      const entries = fs.readdirSync(this.#parent, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch {
      return [];
    }
  }

  /** All cores that nobody reserved; empty, which means all of them, where none is left or reserved. */
  #others(): string {
    const reserved = new Set([...this.#reserved.values()].flat());
    if (reserved.size === 0) return "";
    const all = readText(join(this.#parent, "cpuset.cpus.effective"));
    return coresOf(all)
      .filter((core) => !reserved.has(core))
      .join(",");
  }

  #write(run: string, file: string, text: string): void {
    writeQuietly(join(this.#parent, run, file), text === "" ? "\n" : text);
  }
}

/** `0-2,5` as the kernel writes it. */
function coresOf(text: string): readonly number[] {
  return text
    .trim()
    .split(",")
    .flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split("-").map(Number);
      return last >= first ? Array.from({ length: last - first + 1 }, (_, n) => first + n) : [];
    });
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function writeQuietly(path: string, text: string): void {
  try {
    fs.writeFileSync(path, text);
  } catch {}
}
