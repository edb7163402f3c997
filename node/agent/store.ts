/**
 * The agent's memory on its own disk: one small file an allocation, so that a restarted peer finds its tasks
 * again.
 */
import type { Disk, LocalAllocation } from "../../federation/index.ts";
import { isName, PeerError } from "../../federation/index.ts";

const FOLDER = "agent";
const FORMAT_VERSION = 1;

export class AgentStore {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Durable on return. */
  async save(local: LocalAllocation): Promise<void> {
    const text = JSON.stringify({ version: FORMAT_VERSION, allocation: local });
    await this.#disk.write(fileOf(local.id), new TextEncoder().encode(text));
  }

  async load(): Promise<readonly LocalAllocation[]> {
    const found: LocalAllocation[] = [];
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

function decode(name: string, data: Uint8Array): LocalAllocation {
  let value: { version?: unknown; allocation?: LocalAllocation };
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (cause) {
    throw new PeerError("damaged", `${FOLDER}/${name} in the data directory is damaged`, {
      hint: `stop the peer, move the file away and start again: its tasks are then started anew`,
      cause,
    });
  }
  if (value.version !== FORMAT_VERSION || value.allocation === undefined) {
    throw new PeerError("damaged", `${FOLDER}/${name} has format version ${String(value.version)}`, {
      hint: "it was written by another release of peer; start that one",
    });
  }
  return value.allocation;
}
