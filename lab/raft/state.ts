/** What the lab's groups replicate: registers for clients to judge, and the production ledger. */
import {
  type Command,
  type CommandOutcome,
  decodeCommand,
  encodeCommand,
  Ledger,
  type LedgerEvent,
  type RaftEntry,
  type RegionId,
} from "../../federation/index.ts";
import { Registers } from "./registers.ts";

/** The first byte of an entry that is for the ledger; the others are JSON and begin with a brace. */
const LEDGER_BYTE = 0x4c;
const REGION = "1ab0".repeat(16) as RegionId;

export interface Applied {
  /** What a client of the registers is told. */
  readonly answer: string;
  readonly command?: Command;
  readonly outcome?: CommandOutcome;
  readonly events: readonly LedgerEvent[];
}

export class LabState {
  readonly registers: Registers;
  readonly ledger = new Ledger({ regionId: REGION, generation: 1 });

  constructor(registers = new Registers()) {
    this.registers = registers;
  }

  static decode(bytes: Uint8Array): LabState {
    const { ledger, registers } = JSON.parse(new TextDecoder().decode(bytes));
    const state = new LabState(Registers.decode(registers));
    state.ledger.restore(Buffer.from(ledger, "base64"));
    return state;
  }

  encode(): Uint8Array {
    const ledger = Buffer.from(this.ledger.encode()).toString("base64");
    return new TextEncoder().encode(JSON.stringify({ registers: this.registers.encode(), ledger }));
  }

  /** Of the last entry that was applied. */
  get index(): number {
    return this.registers.index;
  }

  apply(entry: RaftEntry): Applied {
    if (entry.data[0] !== LEDGER_BYTE) return { answer: this.registers.apply(entry), events: [] };
    this.registers.skip(entry.index);
    const command = decodeCommand(entry.data.subarray(1));
    return { answer: "", command, ...this.ledger.apply(entry.index, command) };
  }
}

export function ledgerEntry(command: Command): Uint8Array {
  const bytes = encodeCommand(command);
  const entry = new Uint8Array(bytes.length + 1);
  entry[0] = LEDGER_BYTE;
  entry.set(bytes, 1);
  return entry;
}
