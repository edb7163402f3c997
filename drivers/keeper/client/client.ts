/** The way to the keeper: finds it, starts it when there is none, and comes back to it when it died. */
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Host, PeerError } from "../../../federation/index.ts";
import { keeperDirectory, readEndpoint, recordDirectory } from "../endpoint.ts";
import { TIMER_MAX_MS } from "../protocol.ts";
import { ConnectionLost, KeeperConnection } from "./connection.ts";
import { type KeeperPlace, lastKeeperLine, type StartedKeeper, startKeeper } from "./start.ts";

const CONNECT_TIMEOUT_MS = 15_000;
const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 2000;
/** While a keeper is starting, which takes a fraction of a second. */
const CONNECT_PAUSE_MAX_MS = 100;
const BACKOFF_FACTOR = 1.6;
/** After so many lost connections in a row one request is given up, unless it is one that waits. */
const LOSSES_MAX = 5;
/**
 * A keeper may end when nobody asks it anything and it guards nothing: don't hold it by a silent connection.
 */
const IDLE_DISCONNECT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

export interface KeeperClientOptions extends KeeperPlace {
  readonly log: Host["log"];
  /** Uniform in [0, 1): spreads retries. */
  readonly jitter: () => number;
}

export interface RequestOptions {
  /**
   * Sent again when the connection was lost before the answer: only for requests that may be carried out
   * twice.
   */
  readonly repeat: boolean;
  /** Beyond the usual. `Infinity`: waits for the answer, however often the keeper dies meanwhile. */
  readonly extraTimeoutMs?: number;
}

export class KeeperClient {
  readonly #options: KeeperClientOptions;
  readonly #closing = new AbortController();
  #connection: KeeperConnection | undefined;
  #connecting: Promise<KeeperConnection> | undefined;
  #started: StartedKeeper | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: KeeperClientOptions) {
    this.#options = options;
  }

  /** Whether a keeper answers, without starting one. */
  async isThere(): Promise<boolean> {
    if (this.#connection !== undefined) return true;
    const endpoint = readEndpoint(keeperDirectory(this.#options.dataDirectory));
    if (endpoint === undefined) return false;
    try {
      (await KeeperConnection.open(endpoint)).close();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether any run is on record, running or ended; asks no keeper. */
  hasRecords(): boolean {
    const directory = recordDirectory(keeperDirectory(this.#options.dataDirectory));
    return fs.existsSync(directory) && fs.readdirSync(directory).length > 0;
  }

  /** Throws PeerError. */
  async request(type: string, body: unknown, options: RequestOptions): Promise<unknown> {
    const timeoutMs = REQUEST_TIMEOUT_MS + (options.extraTimeoutMs ?? 0);
    for (let losses = 0; ; losses++) {
      this.#mustBeOpen();
      try {
        const connection = await this.#connect();
        return await this.#ask(connection, type, body, timeoutMs);
      } catch (error) {
        const isPatient = timeoutMs === Number.POSITIVE_INFINITY;
        const isAway = error instanceof PeerError && error.code === "unavailable" && isPatient;
        if (!(error instanceof ConnectionLost) && !isAway) throw error;
        this.#mustBeOpen();
        if (!options.repeat || (losses >= LOSSES_MAX && !isPatient)) {
          throw new PeerError("unavailable", "the keeper died before it answered", {
            hint: "try again",
            retryable: true,
          });
        }
        this.#options.log("warn", "the keeper is away", { request: type, losses: losses + 1 });
        await this.#pause(losses);
      }
    }
  }

  /**
   * Ends a keeper that guards nothing; starts none to do so. Throws PeerError `conflict` while a task runs.
   */
  async shutdown(): Promise<void> {
    if (!(await this.isThere())) return;
    const connection = await this.#connect();
    const lost = new Promise<void>((resolve) => {
      connection.onLost = () => {
        this.#connection = undefined;
        resolve();
      };
    });
    try {
      await connection.request("shutdown", {});
    } catch (error) {
      // It may be gone before its answer arrives.
      if (!(error instanceof ConnectionLost)) throw error;
    }
    await Promise.race([lost, this.#pause(Number.POSITIVE_INFINITY)]);
  }

  /** Lets go of the connection; the keeper and its tasks go on. Requests that wait are refused. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#idleTimer);
    this.#connection?.close();
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw new PeerError("stopping", "the driver is closed");
  }

  async #ask(connection: KeeperConnection, type: string, body: unknown, timeoutMs: number): Promise<unknown> {
    clearTimeout(this.#idleTimer);
    const answer = connection.request(type, body);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      if (timeoutMs > TIMER_MAX_MS) return;
      const error = new PeerError("timeout", `the keeper did not answer "${type}" in time`, {
        retryable: true,
      });
      timer = setTimeout(() => reject(error), timeoutMs);
    });
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
      this.#rest();
    }
  }

  #rest(): void {
    clearTimeout(this.#idleTimer);
    const connection = this.#connection;
    if (connection === undefined || connection.pendingCount > 0) return;
    this.#idleTimer = setTimeout(() => {
      if (connection.pendingCount === 0) connection.close();
    }, IDLE_DISCONNECT_MS);
    this.#idleTimer.unref();
  }

  async #connect(): Promise<KeeperConnection> {
    if (this.#connection !== undefined) return this.#connection;
    this.#connecting ??= this.#establish().finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  async #establish(): Promise<KeeperConnection> {
    const { dataDirectory } = this.#options;
    const deadlineMs = performance.now() + CONNECT_TIMEOUT_MS;
    for (let attempt = 0; ; attempt++) {
      this.#mustBeOpen();
      const connection = await this.#tryOpen();
      if (connection !== undefined) return connection;
      if (performance.now() >= deadlineMs) {
        const reason = lastKeeperLine(dataDirectory);
        throw new PeerError("unavailable", `the keeper can't be started: ${reason}`, {
          hint: `see ${keeperDirectory(dataDirectory)}/keeper.log`,
          retryable: true,
        });
      }
      if (this.#started === undefined || this.#started.ended !== undefined) {
        if (this.#started?.ended !== undefined) await this.#pause(attempt);
        this.#started = startKeeper(this.#options);
      }
      await this.#pause(attempt, CONNECT_PAUSE_MAX_MS);
    }
  }

  async #tryOpen(): Promise<KeeperConnection | undefined> {
    const endpoint = readEndpoint(keeperDirectory(this.#options.dataDirectory));
    if (endpoint === undefined) return undefined;
    try {
      const connection = await KeeperConnection.open(endpoint);
      this.#connection = connection;
      connection.onLost = () => {
        this.#connection = undefined;
      };
      return connection;
    } catch (error) {
      if (error instanceof ConnectionLost) return undefined;
      throw error;
    }
  }

  /** Exponential with half of it random, so that many who lost the same keeper do not come back as one. */
  async #pause(attempt: number, maxMs = BACKOFF_MAX_MS): Promise<void> {
    const fullMs = Math.min(BACKOFF_MIN_MS * BACKOFF_FACTOR ** attempt, maxMs);
    const { signal } = this.#closing;
    await sleep(fullMs * (0.5 + 0.5 * this.#options.jitter()), undefined, { signal }).catch(() => undefined);
  }
}
