/** One connection to a keeper: the hello, then requests by id. Knows nothing of reconnecting. */
import { connect, type Socket } from "node:net";
import { PeerError } from "../../../federation/index.ts";
import type { Endpoint } from "../endpoint.ts";
import {
  encodeFrame,
  type Failure,
  FRAME_BYTES_MAX,
  type Frame,
  FrameDecoder,
  isRecord,
  PROTOCOL_VERSION,
} from "../protocol.ts";

const HELLO_TIMEOUT_MS = 5000;
const HELLO_ID = 0;
const PENDING_MAX = 4096;

/** The connection ended before the answer came: nobody knows whether the request was carried out. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

interface Pending {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class KeeperConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(FRAME_BYTES_MAX);
  readonly #pending = new Map<number, Pending>();
  #nextId = HELLO_ID;
  #isLost = false;

  /** Called when it has ended, for whatever reason. */
  onLost: () => void = () => undefined;

  /**
   * Throws PeerError `not_supported` when the keeper speaks no version of ours, ConnectionLost on all else.
   */
  static async open(endpoint: Endpoint): Promise<KeeperConnection> {
    const connection = new KeeperConnection(connect(endpoint.address));
    const timer = setTimeout(() => connection.close(), HELLO_TIMEOUT_MS);
    try {
      const hello = { secret: endpoint.clientSecret, versions: [PROTOCOL_VERSION] };
      const reply = await connection.request("hello", hello);
      if (isRecord(reply) && reply["secret"] === endpoint.keeperSecret) return connection;
      throw new ConnectionLost("who answers there is not the keeper");
    } catch (error) {
      connection.close();
      // Its file was read just before the next keeper took over the address, and with it came other secrets.
      const isStale = error instanceof PeerError && error.code === "unauthorized";
      throw isStale ? new ConnectionLost("another keeper answers there by now") : error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    // "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#lose());
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Throws PeerError with what the keeper refused, ConnectionLost when no answer came. */
  request(type: string, body: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isLost) return reject(new ConnectionLost("the connection to the keeper is lost"));
      if (this.#pending.size >= PENDING_MAX) {
        return reject(
          new PeerError("too_many_requests", "too many requests to the keeper", { retryable: true }),
        );
      }
      const frame = encodeFrame({ id: this.#nextId, type, body });
      if (Buffer.byteLength(frame) > FRAME_BYTES_MAX) {
        return reject(
          new PeerError("too_large", `a request of ${frame.length} bytes is more than a keeper takes`),
        );
      }
      this.#pending.set(this.#nextId++, { resolve, reject });
      this.#socket.write(frame);
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#lose();
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk, (frame) => this.#settle(frame));
    } catch {
      this.close();
    }
  }

  #settle(frame: Frame): void {
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) return;
    this.#pending.delete(frame.id);
    if (frame.error === undefined) pending.resolve(frame.body);
    else pending.reject(toPeerError(frame.error));
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    for (const { reject } of this.#pending.values()) {
      reject(new ConnectionLost("the connection to the keeper was lost"));
    }
    this.#pending.clear();
    this.onLost();
  }
}

/** What the keeper refused, in the peer's terms. */
export function toPeerError(failure: Failure): PeerError {
  const { code, message, errno, field } = failure;
  if (code === "spawn" && field !== undefined) {
    const details = [{ path: `config.${field}`, message }];
    return new PeerError("invalid_job", message, { details, hint: "correct the task's config" });
  }
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new PeerError("disk_full", message, { retryable: true, hint: "free space in the data directory" });
  }
  switch (code) {
    case "bad_request":
    case "unauthorized":
    case "not_found":
    case "conflict":
      return new PeerError(code, message);
    case "too_many":
      return new PeerError("too_many_requests", message, { retryable: true });
    case "not_supported":
      return new PeerError("not_supported", message, {
        hint: "the running keeper is of another release: stop its tasks to have it replaced",
      });
    default:
      return new PeerError("unavailable", message, { retryable: true });
  }
}
