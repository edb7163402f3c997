/**
 * The durable journal of what was accepted: records in the order in which they came, acknowledged when they
 * are on the disk. What comes while a sync runs shares the next one.
 */
import { type Disk, type Host, PeerError } from "../federation/index.ts";
import { type LogEntry, SegmentedLog } from "./log/segmented-log.ts";

const FOLDER = "intent";
/** Of one group; far below what the log can reserve at once. */
const GROUP_BYTES_MAX = 1024 * 1024;
const GROUP_RECORDS_MAX = 1024;
/** Accepted and not yet on the disk: beyond it the disk is too slow for what comes. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

interface Waiting {
  readonly data: Uint8Array;
  resolve(): void;
  reject(reason: unknown): void;
}

export class Journal {
  readonly #log: SegmentedLog;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #work = Promise.resolve();

  private constructor(log: SegmentedLog) {
    this.#log = log;
  }

  /** Throws PeerError `damaged` when what was durable once can't be read. */
  static async open(disk: Disk, log: Host["log"]): Promise<Journal> {
    return new Journal(await SegmentedLog.open(disk, FOLDER, { identity: FOLDER, log }));
  }

  /** All records, oldest first. */
  read(): AsyncGenerator<LogEntry> {
    return this.#log.read();
  }

  /**
   * Durable on return. Records are written in the order of the calls, and when one can't be, all that wait
   * behind it are refused with it: what becomes durable of the calls of one turn is a beginning of them.
   * Throws PeerError `disk_full` and `too_many_requests`, after which the journal goes on; any other failure
   * is final.
   */
  append(data: Uint8Array): Promise<void> {
    // Whatever its size: a smaller record must not get in behind a larger one that did not.
    if (this.#waitingBytes >= WAITING_BYTES_MAX) {
      const message = `${this.#waitingBytes} bytes of intent wait for the disk`;
      const options = { hint: "try again later", retryable: true };
      return Promise.reject(new PeerError("too_many_requests", message, options));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ data, resolve, reject });
      this.#waitingBytes += data.length;
      if (!this.#isWriting) this.#work = this.#run();
    });
  }

  /** Waits for what was appended. */
  async close(): Promise<void> {
    await this.#work;
    await this.#log.close();
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    // The calls of one turn come together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#writeGroup(this.#nextGroup());
      if (this.#waiting.length > 0) continue;
      // From now on rot in the last records is told from a torn write. A failure is the log's and shows with
      // the next.
      await this.#log.mark().catch(() => undefined);
    }
    this.#isWriting = false;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(group.map(({ data }) => data));
      for (const each of group) each.resolve();
    } catch (error) {
      for (const each of [...group, ...this.#waiting]) each.reject(error);
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
  }

  async #write(records: readonly Uint8Array[]): Promise<void> {
    const bytes = records.reduce((sum, data) => sum + data.length, 0);
    await this.#log.reserve(records.length, bytes);
    this.#log.append(records);
    await this.#log.sync();
  }

  #nextGroup(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { data } of this.#waiting) {
      if (count === GROUP_RECORDS_MAX || (count > 0 && bytes + data.length > GROUP_BYTES_MAX)) break;
      count += 1;
      bytes += data.length;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }
}
