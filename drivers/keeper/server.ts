/** The keeper's socket: one hello, then requests, each answered once under its id, in any order. */
import { createServer, type Server, type Socket } from "node:net";
import type { Diagnostics } from "./diagnostics.ts";
import {
  encodeFrame,
  FRAME_BYTES_MAX,
  type Frame,
  FrameDecoder,
  HELLO_BYTES_MAX,
  type HelloReply,
  KeeperError,
  PROTOCOL_VERSION,
} from "./protocol.ts";
import {
  parseBody,
  parseCommand,
  parseKey,
  parseRenew,
  parseRun,
  parseStart,
  parseStartUntil,
  parseStop,
  parseText,
} from "./requests.ts";
import type { Supervisor } from "./supervisor.ts";

const CONNECTIONS_MAX = 64;
const PENDING_MAX = 4096;
const HELLO_TIMEOUT_MS = 5000;
/** A client that does not read its answers is let go. */
const UNSENT_BYTES_MAX = 16 * 1024 * 1024;

export interface ServerContext {
  readonly supervisor: Supervisor;
  readonly clientSecret: string;
  readonly hello: HelloReply;
  readonly log: Diagnostics;
  /** Called with 1 when a client came, with -1 when it went. */
  onClient(change: 1 | -1): void;
  /** Asks for the end of this process, after the answer is sent. */
  onShutdown(): void;
}

type Handler = (context: ServerContext, body: Readonly<Record<string, unknown>>) => unknown;

const HANDLERS: Readonly<Record<string, Handler>> = {
  start: ({ supervisor }, body) => supervisor.start(parseStart(body)),
  start_until: ({ supervisor }, body) => {
    const { deadline, ...request } = parseStartUntil(body);
    return supervisor.start(request, deadline);
  },
  renew: async ({ supervisor }, body) => {
    (await supervisor.find(parseKey(body), parseRun(body))).renew(parseRenew(body));
    return {};
  },
  status: async ({ supervisor }, body) => (await supervisor.find(parseKey(body), parseRun(body))).status(),
  wait: async ({ supervisor }, body) => (await supervisor.find(parseKey(body), parseRun(body))).wait(),
  signal: async ({ supervisor }, body) => {
    const run = await supervisor.find(parseKey(body), parseRun(body));
    await run.signal(parseText(body, "signal"));
    return {};
  },
  stop: async ({ supervisor }, body) =>
    (await supervisor.find(parseKey(body), parseRun(body))).stop(parseStop(body)),
  usage: async ({ supervisor }, body) => (await supervisor.find(parseKey(body), parseRun(body))).usage(),
  run: async ({ supervisor }, body) =>
    (await supervisor.find(parseKey(body), parseRun(body))).command(parseCommand(body)),
  list: ({ supervisor }) => ({ runs: supervisor.list() }),
  remove: ({ supervisor }, body) => {
    supervisor.remove(parseKey(body), parseRun(body));
    return {};
  },
  shutdown: (context) => {
    const { activeCount } = context.supervisor;
    if (activeCount > 0) throw new KeeperError("conflict", `${activeCount} tasks still run`);
    context.onShutdown();
    return {};
  },
};

export function createKeeperServer(context: ServerContext): Server {
  const server = createServer((socket) => new Connection(socket, context));
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

class Connection {
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #decoder = new FrameDecoder(HELLO_BYTES_MAX);
  readonly #helloTimer: NodeJS.Timeout;
  #isTrusted = false;
  #pending = 0;

  constructor(socket: Socket, context: ServerContext) {
    this.#socket = socket;
    this.#context = context;
    this.#helloTimer = setTimeout(() => socket.destroy(), HELLO_TIMEOUT_MS);
    context.onClient(1);
    socket.on("data", (chunk) => this.#receive(chunk));
    // "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(this.#helloTimer);
      context.onClient(-1);
    });
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk, (frame) => this.#accept(frame));
    } catch (error) {
      this.#reply({ id: 0, error: describe(error) });
      this.#socket.destroySoon();
    }
  }

  #accept(frame: Frame): void {
    if (this.#isTrusted) {
      void this.#answer(frame);
      return;
    }
    const body = parseBody(frame.body);
    if (frame.type !== "hello" || !equalText(parseText(body, "secret"), this.#context.clientSecret)) {
      throw new KeeperError("unauthorized", "say hello with the secret first");
    }
    const versions = body["versions"];
    if (!Array.isArray(versions) || !versions.includes(PROTOCOL_VERSION)) {
      throw new KeeperError("not_supported", `this keeper speaks version ${PROTOCOL_VERSION}`);
    }
    this.#isTrusted = true;
    clearTimeout(this.#helloTimer);
    this.#decoder.raise(FRAME_BYTES_MAX);
    this.#reply({ id: frame.id, body: this.#context.hello });
  }

  async #answer(frame: Frame): Promise<void> {
    this.#pending++;
    try {
      if (this.#pending > PENDING_MAX) throw new KeeperError("too_many", "too many requests at once");
      const type = String(frame.type);
      const handler = Object.hasOwn(HANDLERS, type) ? HANDLERS[type] : undefined;
      if (handler === undefined) throw new KeeperError("not_supported", `unknown request "${type}"`);
      this.#reply({ id: frame.id, body: await handler(this.#context, parseBody(frame.body ?? {})) });
    } catch (error) {
      if (!(error instanceof KeeperError)) {
        this.#context.log("request failed", { type: frame.type, error: String(error) });
      }
      this.#reply({ id: frame.id, error: describe(error) });
    } finally {
      this.#pending--;
    }
  }

  #reply(frame: Frame): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(encodeFrame(frame));
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) this.#socket.destroy();
  }
}

function describe(error: unknown): KeeperError["failure"] {
  if (error instanceof KeeperError) return error.failure;
  const errno = (error as NodeJS.ErrnoException).code;
  const details = typeof errno === "string" ? { errno } : {};
  return { code: "internal", message: error instanceof Error ? error.message : String(error), ...details };
}

/** Takes the same time wherever two texts of one length differ. */
function equalText(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}
