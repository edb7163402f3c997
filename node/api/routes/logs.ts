import type { FastifyPluginCallback, FastifyReply } from "fastify";
import { type Allocation, type AllocationId, type LedgerView, PeerError } from "../../../federation/index.ts";
import type { LogQuery } from "../../service/service.ts";
import type { ApiContext, TypeBoxProvider } from "../context.ts";
import { markRead } from "../read.ts";
import { IdParams } from "../schemas/common.ts";
import { LogsQuery, logAnswers } from "../schemas/logs.ts";
import { findAllocation } from "./allocations.ts";

/** The tail of a log is looked for in this much at first, then in eight times as much … */
const TAIL_BYTES_MIN = 64 * 1024;
const TAIL_GROWTH = 8;
/** … and in no more than this; longer tails begin here. */
export const TAIL_BYTES_MAX = 4 * 1024 * 1024;
const NEWLINE = 10;

type Source = Pick<LogQuery, "task" | "stream"> & { readonly id: AllocationId };

export const logRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  app.withTypeProvider<TypeBoxProvider>().get(
    "/v1/allocations/:id/logs",
    {
      schema: { params: IdParams, querystring: LogsQuery, response: logAnswers },
      config: {
        operationId: "getAllocationLogs",
        summary: "What a task wrote, as it is; with follow until it has ended for good",
        answerType: "text/plain",
        isStream: true,
      },
    },
    async (request, reply) => {
      const { task, stream = "stdout", offset, tail_lines, follow = false } = request.query;
      if (offset !== undefined && tail_lines !== undefined) {
        throw new PeerError("bad_request", "query.offset: give offset or tail_lines, not both");
      }
      const allocation = findAllocation(context.service.ledger, request.params.id);
      const source = { id: allocation.id, task: taskOf(context.service.ledger, allocation, task), stream };
      context.streams.admit();
      const start =
        tail_lines === undefined
          ? await startOffset(context, source, offset ?? 0)
          : await tailOffset(context, source, tail_lines);
      markRead(context, reply, "local");
      void reply.headers({ "x-peer-log-offset": String(start), "content-type": "text/plain; charset=utf-8" });
      if (request.method === "HEAD") return reply.send("");
      await send(context, reply, source, start, follow);
      return reply;
    },
  );
  done();
};

/** The task asked for, or the only one. */
function taskOf(ledger: LedgerView, allocation: Allocation, asked: string | undefined): string {
  const version = ledger.version(allocation.namespace, allocation.job, allocation.version);
  const group = version?.spec.groups.find(({ name }) => name === allocation.group);
  const names = group?.tasks.map(({ name }) => name) ?? Object.keys(allocation.tasks);
  const [first] = names;
  if (asked !== undefined && names.includes(asked)) return asked;
  if (asked === undefined && first !== undefined && names.length === 1) return first;
  const hint = `its tasks: ${names.join(", ")}`;
  if (asked !== undefined) {
    throw new PeerError("not_found", `allocation ${allocation.id} has no task "${asked}"`, { hint });
  }
  throw new PeerError("bad_request", `query.task: allocation ${allocation.id} has several`, { hint });
}

/** Where the log begins when asked from `offset`; later than that when rotation removed what was there. */
async function startOffset(context: ApiContext, source: Source, offset: number): Promise<number> {
  const { id, ...rest } = source;
  const query = { ...rest, offset, follow: false, signal: new AbortController().signal };
  for await (const chunk of context.service.logs(id, query)) return chunk.offset;
  return Math.max(offset, 0);
}

/** Where the last `lines` lines begin. */
async function tailOffset(context: ApiContext, source: Source, lines: number): Promise<number> {
  for (let size = TAIL_BYTES_MIN; ; size *= TAIL_GROWTH) {
    const { offset, data } = await lastBytes(context, source, Math.min(size, TAIL_BYTES_MAX));
    const at = lineStart(data, lines);
    if (at !== undefined) return offset + at;
    if (data.length < size) return offset;
    if (size >= TAIL_BYTES_MAX) return offset + data.indexOf(NEWLINE) + 1;
  }
}

async function lastBytes(
  context: ApiContext,
  { id, ...rest }: Source,
  size: number,
): Promise<{ offset: number; data: Buffer }> {
  const query = { ...rest, offset: -size, follow: false, signal: new AbortController().signal };
  const parts: Uint8Array[] = [];
  let offset: number | undefined;
  let length = 0;
  for await (const chunk of context.service.logs(id, query)) {
    offset ??= chunk.offset;
    parts.push(chunk.data);
    length += chunk.data.length;
    // A task that writes faster than it is read would keep this going.
    if (length > 2 * size) break;
  }
  return { offset: offset ?? 0, data: Buffer.concat(parts) };
}

/**
 * Where the last `lines` lines of `data` begin; undefined when it may hold fewer. The last one need not be
 * ended.
 */
function lineStart(data: Buffer, lines: number): number | undefined {
  if (lines === 0) return data.length;
  let at = data.at(-1) === NEWLINE ? data.length - 1 : data.length;
  for (let found = 0; found < lines; found++) {
    // An offset of -1 would mean the last byte.
    at = at === 0 ? -1 : data.lastIndexOf(NEWLINE, at - 1);
    if (at === -1) return undefined;
  }
  return at + 1;
}

async function send(
  context: ApiContext,
  reply: FastifyReply,
  { id, ...rest }: Source,
  start: number,
  follow: boolean,
): Promise<void> {
  const sink = context.streams.open(reply, {});
  let expected = start;
  try {
    const query = { ...rest, offset: start, follow, signal: sink.signal };
    for await (const chunk of context.service.logs(id, query)) {
      // Rotation removed what was to come. Plain bytes can't say so: ended here, the client asks again and
      // is told.
      if (chunk.offset !== expected) break;
      expected += chunk.data.length;
      if (!sink.write(chunk.data)) await sink.drained();
      if (sink.signal.aborted) break;
    }
    sink.end();
  } catch (error) {
    if (sink.signal.aborted) return sink.end();
    context.log("warn", "a log stream broke off", { allocation: id, error: String(error) });
    sink.fail();
  }
}
