import type { AllocationRow } from "../../../api/index.ts";
import { type CommandContext, countOption, EXIT, flag, stringOption } from "../../command.ts";
import type { ByteStream, Client } from "../../connection/client.ts";
import { Patience } from "../../connection/patience.ts";
import { formatBytes } from "../../format.ts";
import { findAllocation } from "../../lookup.ts";
import { isEnded } from "../../watch/phase.ts";
import { taskMeant } from "./task.ts";

const TAIL_LINES_DEFAULT = 100;
/** An answer that ends too early is asked for again, but not without a breath. */
const PAUSE_MS = 250;

interface Source {
  readonly allocation: string;
  readonly task: string;
  readonly stream: "stdout" | "stderr";
}

export async function run(context: CommandContext): Promise<number> {
  const begin = beginOf(context);
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "", "newest");
  const task = taskMeant(row, context.arguments[1]);
  const source: Source = { allocation: row.id, task, stream: flag(context, "stderr") ? "stderr" : "stdout" };
  return flag(context, "follow")
    ? follow(context, client, source, begin)
    : printOnce(context, client, source, begin);
}

type Begin = { readonly tail_lines: number } | { readonly offset: number };

function beginOf(context: CommandContext): Begin {
  if (stringOption(context, "tail") === "all") return { offset: 0 };
  return { tail_lines: countOption(context, "tail") ?? TAIL_LINES_DEFAULT };
}

function open(client: Client, source: Source, begin: Begin, isFollowed: boolean): Promise<ByteStream> {
  const { allocation, ...rest } = source;
  const query = { ...rest, ...begin, follow: isFollowed ? true : undefined };
  // A task may write nothing for days.
  return client.stream(`/v1/allocations/${allocation}/logs`, query, isFollowed ? 0 : 60_000);
}

async function printOnce(
  context: CommandContext,
  client: Client,
  source: Source,
  begin: Begin,
): Promise<number> {
  const { out } = context;
  const stream = await open(client, source, begin, false);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream.chunks) {
    if (out.json) text += decoder.decode(chunk, { stream: true });
    else out.raw(chunk);
  }
  if (out.json) out.value({ ...describe(source), offset: positionOf(stream), text: text + decoder.decode() });
  return EXIT.done;
}

/** Until the task has ended for good; through restarts of the peer, and past what rotation took away. */
async function follow(
  context: CommandContext,
  client: Client,
  source: Source,
  first: Begin,
): Promise<number> {
  const { out } = context;
  const patience = new Patience(context, { wasThere: true });
  const decoder = new TextDecoder();
  let begin = first;
  for (;;) {
    const isOver = await patience.until(async () => {
      // Asked before the stream, so that what ends meanwhile is followed to its end once more.
      const wasOver = await hasEnded(client, source);
      const stream = await open(client, source, begin, true);
      let offset = positionOf(stream);
      if ("offset" in begin && offset > begin.offset && begin !== first) {
        out.note(`(${formatBytes(offset - begin.offset)} were rotated away meanwhile)`);
      }
      begin = { offset };
      for await (const chunk of stream.chunks) {
        if (out.json)
          out.valueLine({ ...describe(source), offset, text: decoder.decode(chunk, { stream: true }) });
        else out.raw(chunk);
        offset += chunk.length;
        begin = { offset };
        patience.answered();
      }
      return wasOver;
    });
    if (isOver) return EXIT.done;
    await context.clock.sleep(PAUSE_MS, context.signal);
  }
}

async function hasEnded(client: Client, { allocation, task }: Source): Promise<boolean> {
  const row = await client.get<AllocationRow>(`/v1/allocations/${allocation}`);
  const state = row.tasks[task]?.state;
  return isEnded(row) || state === "complete" || state === "failed";
}

function positionOf(stream: ByteStream): number {
  return Number(stream.header("x-peer-log-offset") ?? 0);
}

function describe({ allocation, task, stream }: Source) {
  return { allocation_id: allocation, task, stream };
}
