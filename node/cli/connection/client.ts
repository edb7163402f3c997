/** The CLI's only way to a peer: its REST API over node:http (no fetch: it would cost each command 30 ms). */
import { type IncomingMessage, request } from "node:http";
import { CommandError } from "../command.ts";
import { formatAddress } from "../format.ts";
import type { ApiTarget } from "./address.ts";
import { apiError, ConnectionError, connectionError, InterruptedError, stoppedError } from "./api-error.ts";

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Without a byte for this long, an answer will not come any more. */
const SILENCE_TIMEOUT_MS = 60_000;

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  /** Instead of `body`: text as it is. */
  readonly text?: { readonly type: string; readonly content: string };
  /** How long the answer may be silent; 0: for ever. */
  readonly silenceMs?: number;
}

/** A state, and the cursor from which to wait for the next one. */
export interface Reading<Answer> {
  readonly body: Answer;
  readonly index: string | undefined;
}

export interface ByteStream {
  header(name: string): string | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export class Client {
  readonly #target: ApiTarget;
  readonly #signal: AbortSignal;

  /** `signal` ends every call with InterruptedError. */
  constructor(target: ApiTarget, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  get address(): string {
    return formatAddress(this.#target.host, this.#target.port);
  }

  async call<Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return this.#json<Answer>(await this.#send(method, path, options));
  }

  get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return this.call<Answer>("GET", path, { query });
  }

  /** With a cursor, waits at most `waitMs` for the state after it. */
  async read<Answer>(
    path: string,
    query: Query,
    after?: { index: string; waitMs: number },
  ): Promise<Reading<Answer>> {
    const wait = after === undefined ? {} : { index: after.index, wait: `${Math.ceil(after.waitMs)}ms` };
    const silenceMs = SILENCE_TIMEOUT_MS + (after?.waitMs ?? 0);
    const response = await this.#send("GET", path, { query: { ...query, ...wait }, silenceMs });
    const index = response.headers["x-peer-index"];
    return { body: await this.#json<Answer>(response), index: typeof index === "string" ? index : undefined };
  }

  /** A list, page by page. */
  async *pages<Item>(path: string, query: Query = {}): AsyncGenerator<readonly Item[]> {
    let next: string | undefined;
    do {
      const page = await this.get<{ items: readonly Item[]; next: string | null }>(path, { ...query, next });
      yield page.items;
      next = page.next ?? undefined;
    } while (next !== undefined);
  }

  /** Bytes as they come. */
  async stream(path: string, query: Query, silenceMs: number): Promise<ByteStream> {
    const response = await this.#send("GET", path, { query, silenceMs });
    return {
      header: (name) => {
        const value = response.headers[name];
        return typeof value === "string" ? value : undefined;
      },
      chunks: this.#chunks(response),
    };
  }

  async *#chunks(response: IncomingMessage): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (cause) {
      throw this.#failure(cause);
    } finally {
      response.destroy();
    }
  }

  async #json<Answer>(response: IncomingMessage): Promise<Answer> {
    const text = await this.#text(response);
    try {
      return JSON.parse(text) as Answer;
    } catch (cause) {
      throw new ConnectionError(`${this.address} answered with something that is no JSON`, {
        code: "bad_answer",
        hint: "is it a peer? --addr HOST:PORT names one",
        cause,
      });
    }
  }

  async #text(response: IncomingMessage): Promise<string> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.#chunks(response)) {
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) {
        throw new CommandError(`the answer is larger than ${ANSWER_BYTES_MAX / 2 ** 20} MiB`, {
          code: "too_large",
        });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async #send(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    if (this.#target.stopped !== undefined) throw stoppedError(this.#target.stopped);
    const response = await this.#request(method, path, options);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw apiError(status, await this.#text(response), this.#target);
  }

  #request(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    const { host, port } = this.#target;
    const body =
      options.text?.content ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const type = options.text?.type ?? "application/json";
    const timeout = options.silenceMs ?? SILENCE_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const call = request(
        {
          ...{ host, port, method, timeout, signal: this.#signal },
          path: withQuery(path, options.query),
          headers: this.#headers(body === undefined ? undefined : { type, length: Buffer.byteLength(body) }),
        },
        resolve,
      );
      call.on("error", (cause) => reject(this.#failure(cause)));
      call.on("timeout", () => call.destroy(timeoutError(timeout)));
      call.end(body);
    });
  }

  /** What is aborted breaks in one of several ways. */
  #failure(cause: unknown): Error {
    return this.#signal.aborted ? new InterruptedError() : connectionError(cause, this.#target);
  }

  #headers(body: { readonly type: string; readonly length: number } | undefined): Record<string, string> {
    const { token } = this.#target;
    return {
      accept: "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": body.type, "content-length": String(body.length) }),
    };
  }
}

function timeoutError(silenceMs: number): Error {
  return Object.assign(new Error(`silent for ${silenceMs / 1000} s`), { code: "ETIMEDOUT" });
}

function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}
