/** The CLI's only way to a peer: its REST API over node:http (no fetch: it would cost each command 30 ms). */
import { type IncomingMessage, request } from "node:http";
import type { ApiTarget } from "./address.ts";
import { CommandError } from "./command.ts";

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 330_000;

export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
}

/** What the API refused. */
export class ApiError extends CommandError {
  override readonly name: "CommandError" = "CommandError";
  readonly status: number;
  readonly code: string;
  readonly details: readonly Problem[];

  constructor(
    status: number,
    code: string,
    message: string,
    hint: string | undefined,
    details: readonly Problem[],
  ) {
    super(message, hint === undefined ? {} : { hint });
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** Instead of `body`: text as it is. */
  readonly text?: { readonly type: string; readonly content: string };
  readonly signal?: AbortSignal;
}

export class Client {
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.#target = target;
  }

  get address(): string {
    const { host, port } = this.#target;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  async call<Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const response = await this.#send(method, path, options);
    const text = await readText(response);
    return text === "" ? (undefined as Answer) : (JSON.parse(text) as Answer);
  }

  get<Answer>(path: string, query: CallOptions["query"] = {}): Promise<Answer> {
    return this.call<Answer>("GET", path, { query });
  }

  /** A read with the cursor it is good for, to wait for the next change from. */
  async read<Answer>(
    path: string,
    query: CallOptions["query"],
    signal: AbortSignal,
  ): Promise<{ body: Answer; index: string | undefined }> {
    const response = await this.#send("GET", path, { ...(query === undefined ? {} : { query }), signal });
    const index = response.headers["x-peer-index"];
    return {
      body: JSON.parse(await readText(response)) as Answer,
      index: typeof index === "string" ? index : undefined,
    };
  }

  /** All pages of a list. */
  async list<Item>(path: string, query: CallOptions["query"] = {}): Promise<readonly Item[]> {
    const items: Item[] = [];
    let next: string | undefined;
    do {
      const page: { items: Item[]; next: string | null } = await this.get(path, { ...query, next });
      items.push(...page.items);
      next = page.next ?? undefined;
    } while (next !== undefined);
    return items;
  }

  /** Bytes as they come. */
  async *stream(path: string, options: CallOptions = {}): AsyncGenerator<Buffer> {
    const response = await this.#send("GET", path, options);
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (cause) {
      if (options.signal?.aborted !== true) throw this.#gone(cause);
    } finally {
      response.destroy();
    }
  }

  /** Server-sent events (WHATWG HTML, 9.2), until the server ends or the signal aborts. */
  async *events(path: string, options: CallOptions = {}): AsyncGenerator<ServerEvent> {
    let buffer = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.stream(path, options)) {
      buffer += decoder.decode(chunk, { stream: true });
      for (let end = buffer.indexOf("\n\n"); end !== -1; end = buffer.indexOf("\n\n")) {
        const event = parseEvent(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
        if (event !== undefined) yield event;
      }
    }
  }

  async #send(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const response = await this.#request(method, path, options);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw apiError(status, await readText(response), this.#target);
  }

  #request(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const { host, port, token } = this.#target;
    const body =
      options.text?.content ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) {
      headers["content-type"] = options.text?.type ?? "application/json";
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const call = request(
        { host, port, method, path: withQuery(path, options.query), headers, timeout: ANSWER_TIMEOUT_MS },
        resolve,
      );
      call.on("error", (cause) => reject(options.signal?.aborted === true ? aborted() : this.#gone(cause)));
      call.on("timeout", () => call.destroy(new Error("no answer in time")));
      options.signal?.addEventListener("abort", () => call.destroy(), { once: true });
      call.end(body);
    });
  }

  #gone(cause: unknown): CommandError {
    const code = (cause as NodeJS.ErrnoException).code;
    const what =
      code === "ECONNREFUSED"
        ? `no peer answers at ${this.address}`
        : `the connection to ${this.address} failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    return new CommandError(what, {
      hint: "start one with `peer start`, or name another with --addr HOST:PORT",
      cause,
    });
  }
}

function aborted(): CommandError {
  return new CommandError("interrupted", { exitCode: 130 });
}

function withQuery(path: string, query: CallOptions["query"] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > ANSWER_BYTES_MAX)
      throw new CommandError("the answer is too large", { hint: "ask with --limit" });
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function apiError(status: number, text: string, target: ApiTarget): ApiError {
  let error: { code?: string; message?: string; hint?: string; details?: Problem[] } = {};
  try {
    error = (JSON.parse(text) as { error?: typeof error }).error ?? {};
  } catch {
    // Not a peer, or a proxy before it: its text is all there is.
  }
  const hint = status === 401 && target.tokenHint !== undefined ? target.tokenHint : error.hint;
  const message = error.message ?? `the API answered ${status}: ${text.slice(0, 200)}`;
  return new ApiError(status, error.code ?? "unknown", message, hint, error.details ?? []);
}

function parseEvent(block: string): ServerEvent | undefined {
  const event = { id: "", event: "message", data: [] as string[] };
  for (const line of block.split("\n")) {
    const match = /^(id|event|data): ?(.*)$/.exec(line);
    if (match?.[1] === "id") event.id = match[2] ?? "";
    if (match?.[1] === "event") event.event = match[2] ?? "";
    if (match?.[1] === "data") event.data.push(match[2] ?? "");
  }
  return event.data.length === 0 ? undefined : { ...event, data: event.data.join("\n") };
}
