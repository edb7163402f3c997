/** What a seed decides, told in words. */
import { invariant, type Random } from "../federation/index.ts";

export class Chance {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  fork(label: string): Chance {
    return new Chance(this.random.fork(label));
  }

  /** True in this share of all cases. */
  in(share: number): boolean {
    return this.random.next() < share;
  }

  /** A whole number from 0 up to, but not including, `count`. */
  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  /** Any number between the two. */
  between(least: number, most: number): number {
    return least + this.random.next() * (most - least);
  }

  /** Many small ones, few large ones: each factor between the two is as likely as any other. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.random.next();
  }

  /** A pause with this mean, as between things that happen independently. */
  pause(meanMs: number): number {
    return -Math.log(1 - this.random.next()) * meanMs;
  }

  pick<Value>(values: readonly Value[]): Value {
    invariant(values.length > 0, "one of some is picked");
    return values[this.below(values.length)] as Value;
  }

  /** Each of them with this chance, in their order. */
  some<Value>(values: readonly Value[], share: number): readonly Value[] {
    return values.filter(() => this.in(share));
  }

  /** One of the named ones, as likely as its weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    const found = entries.find(([, weight]) => {
      left -= weight;
      return left < 0;
    });
    const [name] = found ?? (entries[0] as [Name, number]);
    return name;
  }
}
