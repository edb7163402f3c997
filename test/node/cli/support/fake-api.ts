/**
 * A peer's API as far as a test scripts it: real HTTP on loopback, so that the client's own code is what is
 * tested.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const TOKEN = "token-of-the-test-0123456789";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, a write for each. */
  readonly chunks?: readonly (string | Uint8Array)[];
  /** After the chunks: `cut` breaks the connection, `open` leaves it open until the client goes. */
  readonly end?: "cut" | "open";
}

/** What is answered: always the same, one after the other (the last for ever), or what a function says. */
export type Scripted = FakeAnswer | readonly FakeAnswer[] | ((request: FakeRequest) => FakeAnswer);

/** By method and path, such as `GET /v1/jobs`. */
export type Script = Readonly<Record<string, Scripted>>;

export interface FakeApi {
  readonly address: string;
  readonly port: number;
  /** All that were made, oldest first. */
  readonly requests: readonly FakeRequest[];
}

export function ok(json: unknown, headers: Readonly<Record<string, string>> = {}): FakeAnswer {
  return { json, headers };
}

export function page(...items: readonly unknown[]): FakeAnswer {
  return ok({ items, next: null });
}

export function refused(status: number, code: string, message: string, more: object = {}): FakeAnswer {
  return { status, json: { error: { code, message, details: [], ...more } } };
}

/** Runs `use` with an API that answers as scripted, and everything else with 404. */
export async function withApi<Value>(script: Script, use: (api: FakeApi) => Promise<Value>): Promise<Value> {
  const requests: FakeRequest[] = [];
  const counts = new Map<string, number>();
  const server = createServer((message, response) => {
    void readBody(message).then((body) => {
      const request = requestOf(message, body);
      requests.push(request);
      answer(response, choose(script, counts, request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await use({ address: `127.0.0.1:${port}`, port, requests });
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    // After the listening has ended, so that none comes in between.
    server.closeAllConnections();
    await closed;
  }
}

async function readBody(message: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of message) body += String(chunk);
  return body;
}

function requestOf(message: IncomingMessage, body: string): FakeRequest {
  const url = new URL(message.url ?? "/", "http://test");
  const { method = "", headers } = message;
  return { method, path: decodeURIComponent(url.pathname), query: url.searchParams, headers, body };
}

function choose(script: Script, counts: Map<string, number>, request: FakeRequest): FakeAnswer {
  const key = `${request.method} ${request.path}`;
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return refused(401, "unauthorized", "no token");
  const scripted = script[key];
  if (scripted === undefined) return refused(404, "not_found", `no ${request.path}`);
  if (typeof scripted === "function") return scripted(request);
  if (!isMany(scripted)) return scripted;
  const count = counts.get(key) ?? 0;
  counts.set(key, count + 1);
  return scripted[Math.min(count, scripted.length - 1)] ?? {};
}

function isMany(scripted: FakeAnswer | readonly FakeAnswer[]): scripted is readonly FakeAnswer[] {
  return Array.isArray(scripted);
}

function answer(
  response: ServerResponse,
  { status = 200, headers = {}, json, chunks = [], end }: FakeAnswer,
): void {
  response.writeHead(
    status,
    json === undefined ? headers : { "content-type": "application/json", ...headers },
  );
  if (json !== undefined) response.write(JSON.stringify(json));
  // What is to be cut off must have left before.
  response.flushHeaders();
  const write = (index: number): void => {
    const chunk = chunks[index];
    if (chunk !== undefined) response.write(chunk, () => write(index + 1));
    else if (end === "cut") response.destroy();
    else if (end === undefined) response.end();
  };
  write(0);
}
