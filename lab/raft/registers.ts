/** The state that the lab's groups replicate: registers by key, and what was asked of them. */
import type { RaftEntry } from "../../federation/index.ts";
import { UNWRITTEN } from "../checkers/register.ts";

export type Command =
  | { readonly kind: "write"; readonly key: string; readonly value: string }
  | { readonly kind: "swap"; readonly key: string; readonly from: string; readonly value: string };

export function encodeCommand(command: Command): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

export class Registers {
  readonly #values: Map<string, string>;
  #index: number;

  constructor(values: ReadonlyMap<string, string> = new Map(), index = 0) {
    this.#values = new Map(values);
    this.#index = index;
  }

  static decode(text: string): Registers {
    const { index, values } = JSON.parse(text);
    return new Registers(new Map(values), index);
  }

  encode(): string {
    return this.digest();
  }

  /** An entry that is not for them. */
  skip(index: number): void {
    this.#index = index;
  }

  /** Of the last entry that was applied. */
  get index(): number {
    return this.#index;
  }

  read(key: string): string {
    return this.#values.get(key) ?? UNWRITTEN;
  }

  /** What the client is told: for a swap, whether it took place. */
  apply(entry: RaftEntry): string {
    this.#index = entry.index;
    if (entry.data.length === 0 || entry.kind !== undefined) return "";
    const command: Command = JSON.parse(new TextDecoder().decode(entry.data));
    if (command.kind === "swap" && this.read(command.key) !== command.from) return "refused";
    this.#values.set(command.key, command.value);
    return "done";
  }

  /** Equal texts: equal states. */
  digest(): string {
    return JSON.stringify({ index: this.#index, values: [...this.#values].sort() });
  }
}
