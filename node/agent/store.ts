/**
 * The agent's memory on its own disk: one small file an allocation, so that a restarted peer finds its tasks
 * again, and knows what was last wanted of it while no authority can be asked (a site that is cut off).
 */
import {
  type Allocation,
  crc32c,
  type Disk,
  isName,
  type JobSpec,
  type LocalAllocation,
  PeerError,
} from "../../federation/index.ts";

const FOLDER = "agent";
const FORMAT_VERSION = 2;
const NEWLINE = 10;

/** What the ledger last said of an allocation, and what was seen of it here. */
export interface Assignment {
  readonly allocation: Allocation;
  readonly job: JobSpec;
  readonly local: LocalAllocation;
}

export class AgentStore {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Durable on return. */
  async save(assignment: Assignment): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(assignment));
    const head = new TextEncoder().encode(`${JSON.stringify({ v: FORMAT_VERSION, crc: crc32c(body) })}\n`);
    const data = new Uint8Array(head.length + body.length);
    data.set(head);
    data.set(body, head.length);
    await this.#disk.write(fileOf(assignment.allocation.id), data);
  }

  /** Throws PeerError `damaged`, naming the file and what to do. */
  async load(): Promise<readonly Assignment[]> {
    const found: Assignment[] = [];
    for (const name of await this.#disk.list(FOLDER)) {
      const data = await this.#disk.read(`${FOLDER}/${name}`);
      if (data !== undefined) found.push(decode(name, data));
    }
    return found;
  }

  async remove(id: string): Promise<void> {
    await this.#disk.remove(fileOf(id));
  }
}

function fileOf(id: string): string {
  if (!isName(id))
    throw new PeerError("internal", `allocation id ${JSON.stringify(id)} is no safe file name`);
  return `${FOLDER}/${id}.json`;
}

function decode(name: string, data: Uint8Array): Assignment {
  const end = data.indexOf(NEWLINE);
  const body = data.subarray(end + 1);
  const head = headOf(data.subarray(0, Math.max(0, end)));
  if (head !== undefined && head.v !== FORMAT_VERSION) {
    throw new PeerError("damaged", `${FOLDER}/${name} has format version ${String(head.v)}`, {
      hint: "it was written by another release of peer; start that one",
    });
  }
  if (head === undefined || head.crc !== crc32c(body)) {
    throw new PeerError("damaged", `${FOLDER}/${name} in the data directory is damaged`, {
      hint: `stop the peer, move the file away and start again: its tasks are then started anew`,
    });
  }
  return JSON.parse(new TextDecoder().decode(body)) as Assignment;
}

function headOf(line: Uint8Array): { readonly v?: unknown; readonly crc?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
