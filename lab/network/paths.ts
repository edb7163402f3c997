/** Which ways through the network are open, one direction at a time. */
import type { Cancel } from "../../federation/index.ts";

export type PathListener = (from: string, to: string, isOpen: boolean) => void;

export class Paths {
  readonly #names: string[];
  /** How many faults block each direction. */
  readonly #blocks = new Map<string, number>();
  readonly #clogs = new Map<string, number>();
  /** What was blocked before the last one is over. */
  #heals = 0;
  readonly #listeners = new Set<PathListener>();

  constructor(names: readonly string[]) {
    this.#names = [...names];
  }

  add(name: string): void {
    if (!this.#names.includes(name)) this.#names.push(name);
  }

  isOpen(from: string, to: string): boolean {
    return (this.#blocks.get(keyOf(from, to)) ?? 0) === 0;
  }

  /** Until when packets of this direction are held up, on the world's time. */
  cloggedUntilMs(from: string, to: string): number {
    return this.#clogs.get(keyOf(from, to)) ?? 0;
  }

  /** Nothing gets there until the returned function is called; the way back stays as it is. */
  block(from: string, to: string): Cancel {
    const key = keyOf(from, to);
    this.#blocks.set(key, (this.#blocks.get(key) ?? 0) + 1);
    if (this.#blocks.get(key) === 1) this.#tell(from, to, false);
    let isBlocked = true;
    const heals = this.#heals;
    return () => {
      if (!isBlocked || heals !== this.#heals) return;
      isBlocked = false;
      const count = this.#blocks.get(key) ?? 0;
      this.#blocks.set(key, count - 1);
      if (count === 1) this.#tell(from, to, true);
    };
  }

  /** Between the groups nothing gets through, either way; who is in no group hears all. */
  partition(...groups: readonly (readonly string[])[]): Cancel {
    const cancels: Cancel[] = [];
    for (const [at, group] of groups.entries()) {
      for (const other of groups.slice(at + 1)) {
        for (const one of group) {
          for (const two of other) cancels.push(this.block(one, two), this.block(two, one));
        }
      }
    }
    return all(cancels);
  }

  isolate(name: string): Cancel {
    return this.partition(
      [name],
      this.#names.filter((other) => other !== name),
    );
  }

  /** It still hears the others, and they do not hear it. */
  mute(name: string): Cancel {
    return all(this.#others(name).map((other) => this.block(name, other)));
  }

  /** The others hear it, and it hears nothing. */
  deafen(name: string): Cancel {
    return all(this.#others(name).map((other) => this.block(other, name)));
  }

  /** All ways are open, whatever blocked or held them. */
  heal(): void {
    this.#clogs.clear();
    this.#heals += 1;
    const blocked = [...this.#blocks].filter(([, count]) => count > 0);
    this.#blocks.clear();
    for (const [key] of blocked) {
      const [from = "", to = ""] = key.split(">");
      this.#tell(from, to, true);
    }
  }

  /** Packets of this direction wait until then; none is lost. */
  clog(from: string, to: string, untilMs: number): void {
    this.#clogs.set(keyOf(from, to), Math.max(untilMs, this.cloggedUntilMs(from, to)));
  }

  watch(listener: PathListener): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #others(name: string): readonly string[] {
    return this.#names.filter((other) => other !== name);
  }

  #tell(from: string, to: string, isOpen: boolean): void {
    for (const listener of this.#listeners) listener(from, to, isOpen);
  }
}

function keyOf(from: string, to: string): string {
  return `${from}>${to}`;
}

function all(cancels: readonly Cancel[]): Cancel {
  return () => {
    for (const cancel of cancels) cancel();
  };
}
