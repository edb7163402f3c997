/** Watches a job: tells what changes, line by line, until it does what was asked for or can't. */
import type { JobDetailRow } from "../../api/index.ts";
import type { CommandContext } from "../command.ts";
import { InterruptedError } from "../connection/api-error.ts";
import type { Client } from "../connection/client.ts";
import { Patience } from "../connection/patience.ts";
import { plainText, shortId } from "../format.ts";
import { pathPart } from "../lookup.ts";
import { Narration } from "./narration.ts";
import { type Outcome, outcomeValue, unwatched } from "./outcome.ts";
import { type Goal, isOutcome, Verdict } from "./verdict.ts";

/** The API answers a blocking read at the latest after this. */
const WAIT_MS = 20_000;
/** A busy region has news all the time, most of it about other jobs. */
const READ_GAP_MS = 50;
const LOG_LINES_SHOWN = 5;
const LOG_LINE_CHARACTERS_MAX = 200;

export interface WatchRequest extends Goal {
  readonly job: string;
  readonly namespace: string | undefined;
}

type WatchContext = Pick<CommandContext, "out" | "clock" | "signal">;

/** Prints news as it comes, unless JSON or ids are asked for. Ctrl-C ends it. */
export async function watchJob(
  context: WatchContext,
  client: Client,
  request: WatchRequest,
): Promise<Outcome> {
  const { out, clock, signal } = context;
  const narration = new Narration(request.newsFrom, (word) => out.status(word));
  const verdict = new Verdict(request);
  const patience = new Patience(context, { wasThere: true });
  const path = `/v1/jobs/${pathPart(request.job)}`;
  const query = { namespace: request.namespace };
  let after: { index: string; waitMs: number } | undefined;
  try {
    for (;;) {
      const answer = await patience.until(() => client.read<JobDetailRow>(path, query, after));
      const lines = narration.look(answer.body);
      if (out.isText) out.lines(lines);
      const judgement = verdict.judge(answer.body, clock.nowMs());
      if (isOutcome(judgement)) return withReason(judgement, narration);
      out.progress(`    ${judgement.waitsFor} …`);
      await clock.sleep(READ_GAP_MS, signal);
      const untilMs = judgement.untilMs ?? Number.POSITIVE_INFINITY;
      const waitMs = Math.max(1, Math.min(WAIT_MS, untilMs - clock.nowMs()));
      after = answer.index === undefined ? undefined : { index: answer.index, waitMs };
    }
  } catch (cause) {
    if (cause instanceof InterruptedError) return unwatched(request.job);
    throw cause;
  }
}

/** Why it failed, unless that was told just now. */
function withReason(outcome: Outcome, narration: Narration): Outcome {
  const { failed, lines } = outcome;
  if (failed === undefined || narration.hasTold(failed.allocation)) return outcome;
  return { ...outcome, lines: [`    ${failed.why}`, ...lines] };
}

/** Watches and says in the end what came of it, also in JSON, with what the wish was answered with. */
export async function watchToTheEnd(
  context: WatchContext,
  client: Client,
  request: WatchRequest,
  receipt: object,
): Promise<number> {
  const outcome = await watchJob(context, client, request);
  if (context.out.json) context.out.value({ ...receipt, outcome: outcomeValue(outcome) });
  if (context.out.isText) context.out.lines(await outcomeLines(client, outcome));
  return outcome.exitCode;
}

/** What came of it, for people, with the last words of what failed. */
export async function outcomeLines(client: Client, outcome: Outcome): Promise<readonly string[]> {
  const { failed } = outcome;
  const words = failed?.task === undefined ? [] : await lastWords(client, failed.allocation, failed.task);
  return [`==> ${outcome.message}`, ...outcome.lines, ...words];
}

/** The end of what a failed task wrote: most often that says it all. */
async function lastWords(client: Client, allocation: string, task: string): Promise<readonly string[]> {
  const logs = `peer logs ${shortId(allocation)} ${task}`;
  const more = `    \`${logs}\` shows what it wrote, with --stderr its errors`;
  const query = { task, stream: "stderr", tail_lines: LOG_LINES_SHOWN };
  try {
    const { chunks } = await client.stream(`/v1/allocations/${allocation}/logs`, query, 5_000);
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    if (lines.length === 0) return [more];
    const shown = lines
      .slice(-LOG_LINES_SHOWN)
      .map((line) => plainText(line).slice(0, LOG_LINE_CHARACTERS_MAX));
    const head = `    the end of its errors (\`peer logs --stderr ${shortId(allocation)} ${task}\`):`;
    return [head, ...shown.map((line) => `      | ${line}`)];
  } catch {
    // It is only a help; the outcome stands without it.
    return [more];
  }
}
