/**
 * A peer made of plain arrays, and its API. Every JSON answer is held to the schema of its route on the way
 * out.
 */
import assert from "node:assert/strict";
import { createHash, timingSafeEqual } from "node:crypto";
import type { TSchema } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import type { FastifyInstance } from "fastify";
import {
  type AllocationId,
  type Clock,
  type Crypto,
  err,
  type Hash,
  type JobId,
  type JobSpec,
  type LedgerEvent,
  type LedgerView,
  type NodeId,
  ok,
  PeerError,
  type Random,
  type RegionId,
} from "../../../federation/index.ts";
import { buildApi, type JobFormat } from "../../../node/api/index.ts";
import type { ScaleWish, TagWish } from "../../../node/authority/adjustments.ts";
import type {
  EventFeed,
  LogChunk,
  LogQuery,
  PeerService,
  PeerStatus,
  SubmitOptions,
} from "../../../node/service/service.ts";
import { FULL, group, ledgerOf, NOW_MS, spec, type Tables } from "./tables.ts";

export const TOKEN = "a-token-for-the-tests-0123456789";
export const API_ADDRESS = "127.0.0.1:7337";
export const AUTHORIZED = { authorization: `Bearer ${TOKEN}`, host: API_ADDRESS };
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  wall(): number {
    return NOW_MS + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  boot(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = this.#timers.toSorted((left, right) => left.atMs - right.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }
}

export const crypto: Pick<Crypto, "sha256" | "equal"> = {
  sha256: (message) => createHash("sha256").update(message).digest(),
  equal: (left, right) => left.length === right.length && timingSafeEqual(left, right),
};

const random: Random = {
  next: () => 0.5,
  bytes: (count) => new Uint8Array(count).fill(0xab),
  fork: () => random,
};

type StampedEvent = LedgerEvent & { readonly cursor: string };

/** Keeps the newest `kept` events; cursors are `c` and the number of events before. */
export class FakeFeed implements EventFeed {
  readonly #events: StampedEvent[] = [];
  readonly #kept: number;
  readonly listeners = new Set<(event: StampedEvent) => void>();
  #count = 0;

  constructor(kept = 1000) {
    this.#kept = kept;
  }

  get cursor(): string {
    return `c${this.#count}`;
  }

  get oldest(): string {
    return `c${this.#count - this.#events.length}`;
  }

  since(cursor: string): readonly StampedEvent[] | "reset" {
    const match = /^c([0-9]+)$/.exec(cursor);
    if (match === null) throw new PeerError("bad_request", "the event cursor is malformed");
    const at = Number(match[1]);
    if (at > this.#count || at < this.#count - this.#events.length) return "reset";
    return this.#events.slice(this.#events.length - (this.#count - at));
  }

  subscribe(listener: (event: StampedEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit(changes: Partial<LedgerEvent> = {}): StampedEvent {
    const event = this.#append(changes);
    for (const listener of this.listeners) listener(event);
    return event;
  }

  /** Into the history first and announced later, as a feed may do that is not of one piece. */
  emitLate(changes: Partial<LedgerEvent> = {}): () => void {
    const event = this.#append(changes);
    return () => {
      for (const listener of this.listeners) listener(event);
    };
  }

  #append(changes: Partial<LedgerEvent>): StampedEvent {
    this.#count++;
    const event: StampedEvent = {
      index: this.#count,
      n: 0,
      type: "JobAdmitted",
      key: "default/shop",
      namespace: "default",
      job: "shop" as JobId,
      atMs: NOW_MS,
      message: `event ${this.#count}`,
      ...changes,
      cursor: `c${this.#count}`,
    };
    this.#events.push(event);
    if (this.#events.length > this.#kept) this.#events.shift();
    return event;
  }
}

export class FakeService implements PeerService {
  ledger: LedgerView;
  readonly events: FakeFeed;
  readonly calls: unknown[] = [];
  /** Whatever a mutation shall throw. */
  failure: unknown;
  stopping = false;
  /** What was submitted last. */
  submitted: JobSpec | undefined;
  /** Text of each task and stream; `base` bytes of it were rotated away. */
  readonly logTexts = new Map<string, { text: string; base: number; ended: boolean }>();
  readonly #wakes = new Set<() => void>();

  constructor(tables: Tables = FULL, feed = new FakeFeed()) {
    this.ledger = ledgerOf(tables);
    this.events = feed;
  }

  status(): PeerStatus {
    return {
      nodeId: "node-aaaa-1" as NodeId,
      nodeName: "one",
      version: "0.1.0",
      region: { id: "region-1" as RegionId, name: "local", generation: 1 },
      apiAddress: API_ADDRESS,
      dataDirectory: "/var/lib/peer",
      pid: 99,
      startedAtMs: NOW_MS,
      uptimeMs: 1234.5,
      incarnation: 3,
      privileged: false,
      overlay: { state: "off", reason: "not built" },
      raft: {
        ...{ role: "leader", term: 2, leader: "node-aaaa-1", commit: 9, lastIndex: 9, applied: 9 },
        configuration: { voters: ["node-aaaa-1"], outgoing: [], learners: [] },
      },
      stopping: this.stopping,
    };
  }

  ledgerCursor(): string {
    return this.events.cursor;
  }

  get waiting(): number {
    return this.#wakes.size;
  }

  /** Ends all blocking reads, as a change of the ledger does. */
  wake(): void {
    for (const wake of this.#wakes) wake();
  }

  async confirm(): Promise<void> {
    this.calls.push({ call: "confirm" });
  }

  waitPast(cursor: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.calls.push({ call: "waitPast", cursor, timeoutMs });
    if (cursor !== this.events.cursor) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  validate(of: JobSpec): readonly { path: string; message: string }[] {
    return of.groups.flatMap((each) =>
      each.tasks
        .filter((task) => task.driver !== "process")
        .map((task) => ({
          path: `groups.${each.name}.tasks.${task.name}.driver`,
          message: `no driver ${task.driver}`,
        })),
    );
  }

  async submit(of: JobSpec, options: SubmitOptions) {
    this.submitted = of;
    this.#note({ call: "submit", namespace: of.namespace, job: of.id, options });
    return {
      namespace: of.namespace,
      job: of.id,
      versionId: "bb".repeat(32) as Hash,
      version: 2,
      evaluation: "eval-2222",
      index: 10,
      safety: "admitted" as const,
      changed: true,
    };
  }

  async stopJob(namespace: string, id: string, options: SubmitOptions) {
    this.#note({ call: "stopJob", namespace, job: id, options });
    return {
      namespace,
      job: id,
      versionId: "cc".repeat(32) as Hash,
      index: 11,
      safety: "durable" as const,
      changed: true,
    };
  }

  async scaleJob(wish: ScaleWish, options: SubmitOptions) {
    this.#note({ call: "scaleJob", wish, options });
    return { ...this.#adjusted(wish), changed: true };
  }

  async tagJob(wish: TagWish, options: SubmitOptions) {
    this.#note({ call: "tagJob", wish, options });
    return { ...this.#adjusted(wish), changed: true };
  }

  #adjusted({ job, namespace }: Pick<TagWish, "job" | "namespace">) {
    const versionId = "aa".repeat(32) as Hash;
    return { namespace, job, versionId, version: 1, index: 12, safety: "admitted" as const };
  }

  async stopAllocation(id: AllocationId) {
    this.#note({ call: "stopAllocation", id });
    return { index: 12, evaluation: "eval-3333" };
  }

  async restartAllocation(id: AllocationId, task?: string) {
    this.#note({ call: "restartAllocation", id, task });
    return { index: 13 };
  }

  async *logs(_id: AllocationId, query: LogQuery): AsyncGenerator<LogChunk> {
    this.#note({ call: "logs", offset: query.offset, follow: query.follow });
    const log = this.logTexts.get(`${query.task}/${query.stream}`);
    if (log === undefined) return;
    const aborted = new Promise<void>((resolve) => {
      query.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    let at = query.offset < 0 ? log.base + log.text.length + query.offset : query.offset;
    for (;;) {
      at = Math.max(at, log.base);
      const data = Buffer.from(log.text.slice(at - log.base, at - log.base + 1000));
      if (data.length > 0) {
        yield { offset: at, data };
        at += data.length;
      } else if (query.follow && !log.ended && !query.signal.aborted) {
        await Promise.race([new Promise<void>((resolve) => this.#wakes.add(resolve)), aborted]);
      } else {
        this.calls.push({ call: "logs ended", aborted: query.signal.aborted });
        return;
      }
    }
  }

  async usage(id: AllocationId) {
    this.#note({ call: "usage", id });
    const figures = { cpu: 12.5, cpuSeconds: 3.25, memoryBytes: 1_000_000, processCount: 2 };
    return { ...figures, tasks: { app: figures } };
  }

  async doctor() {
    this.#note({ call: "doctor" });
    return [{ name: "disk", state: "warning" as const, message: "nearly full", hint: "make room" }];
  }

  async metrics() {
    return "# TYPE peer_up gauge\npeer_up 1\n";
  }

  requestStop(options: { readonly tasks: boolean }): void {
    this.calls.push({ call: "requestStop", ...options });
  }

  #note(call: unknown): void {
    this.calls.push(call);
    if (this.failure !== undefined) throw this.failure;
  }
}

/**
 * Enough of a job file to tell good from bad: `job`, `namespace`, and `driver` for the one task; all of it
 * JSON.
 */
export const jobFormat: JobFormat = {
  parseJobFile: (text, { format }) => {
    try {
      const {
        job: id,
        namespace = "default",
        driver = "process",
      } = JSON.parse(text) as Record<string, string>;
      if (typeof id !== "string") return err([{ path: "job", message: "missing" }]);
      const [task] = group().tasks;
      assert.ok(task !== undefined);
      const groups = [group({ tasks: [{ ...task, driver }] })];
      return ok({
        spec: spec({ id: id as JobId, namespace, groups }),
        warnings: [{ path: "groups.web", message: "no checks" }],
        locate: (problems) => problems.map((problem) => ({ ...problem, line: 4 })),
      });
    } catch {
      return err([{ path: "", message: `not well-formed ${format}`, line: 2, column: 7, hint: "check it" }]);
    }
  },
  formatJobFile: (of) => ({ job: of.id, type: of.type }),
};

export interface World {
  readonly app: FastifyInstance;
  readonly service: FakeService;
  readonly clock: ManualClock;
  readonly logLines: { level: string; message: string; fields: unknown }[];
}

export interface WorldOptions {
  readonly allowedHosts?: readonly string[];
  readonly format?: JobFormat;
}

export function world(service = new FakeService(), options: WorldOptions = {}): World {
  const clock = new ManualClock();
  const logLines: World["logLines"] = [];
  const app = buildApi({
    service,
    token: TOKEN,
    allowedHosts: options.allowedHosts ?? [],
    jobFormat: options.format ?? jobFormat,
    clock,
    random,
    crypto,
    log: (level, message, fields) => void logLines.push({ level, message, fields }),
  });
  app.addHook("onSend", (request, reply, payload, done) => {
    const schemas = request.routeOptions.schema?.response as Record<string, TSchema> | undefined;
    const schema = schemas?.[String(reply.statusCode)] ?? schemas?.["default"];
    const isJson = String(reply.getHeader("content-type")).startsWith("application/json");
    if (schema !== undefined && isJson && typeof payload === "string" && request.method !== "HEAD") {
      const error = Errors(schema, JSON.parse(payload)).First();
      assert.equal(error, undefined, `${request.url}: ${error?.path} ${error?.message}`);
    }
    done(null, payload);
  });
  return { app, service, clock, logLines };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it freely
  readonly json: any;
}

export interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: object | string;
  /** Without the token. */
  readonly anonymous?: boolean;
}

/** One request without a socket, as somebody who has the token. */
export async function ask(
  app: FastifyInstance,
  method: string,
  url: string,
  asked: Asked = {},
): Promise<Answer> {
  const response = await app.inject({
    method,
    url,
    headers: { ...(asked.anonymous === true ? { host: API_ADDRESS } : AUTHORIZED), ...asked.headers },
    ...(asked.body === undefined ? {} : { payload: asked.body }),
  });
  const isJson = String(response.headers["content-type"]).startsWith("application/json");
  return {
    status: response.statusCode,
    headers: { ...response.headers },
    text: response.body,
    json: isJson && response.body !== "" ? response.json() : undefined,
  };
}
