/** `start --run`: what goes wrong with a job is told, and the peer runs on. */
import type { ReceiptRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { InterruptedError } from "../connection/api-error.ts";
import type { Client } from "../connection/client.ts";
import { printFailure } from "../failure.ts";
import { outcomeValue } from "../watch/outcome.ts";
import { outcomeLines, watchJob } from "../watch/watch.ts";
import type { JobFile } from "./job-file.ts";
import { submit, watchRequest } from "./submit.ts";

/**
 * Submits all, then watches one after the other, until they run or the context's signal is aborted. The exit
 * code is that of the last one that did not go well.
 */
export async function runJobs(
  context: CommandContext,
  client: Client,
  files: readonly JobFile[],
): Promise<number> {
  const { out, signal } = context;
  const receipts: ReceiptRow[] = [];
  let exitCode: number = EXIT.done;
  for (const file of files) {
    const error = await failureOf(async () => {
      receipts.push(await submit(context, client, file, undefined));
    });
    if (error !== undefined) await printFailure(out, error);
    exitCode = error?.exitCode ?? exitCode;
  }
  // The last outcome and what to do next are one text, so that who waits for it has both.
  let last: readonly string[] = [];
  for (const [index, receipt] of receipts.entries()) {
    const error = await failureOf(async () => {
      const outcome = await watchJob(context, client, watchRequest(receipt, "running"));
      if (outcome.state === "unwatched") return;
      const lines = await outcomeLines(client, outcome);
      if (index === receipts.length - 1) last = lines;
      else if (out.isText) out.lines(lines);
      if (outcome.exitCode !== EXIT.done) exitCode = outcome.exitCode;
      if (out.json) out.valueLine({ event: "submitted", ...receipt, outcome: outcomeValue(outcome) });
    });
    if (error !== undefined) await printFailure(out, error);
    exitCode = error?.exitCode ?? exitCode;
  }
  const next = files.length === 0 || signal.aborted ? [] : ["", ...whatNext(receipts[0]?.job ?? "JOB")];
  if (out.isText) out.lines([...last, ...next]);
  return exitCode;
}

function whatNext(job: string): readonly string[] {
  return [
    "The peer stays in the foreground. In another terminal:",
    `  peer ps, peer logs -f ${job}, peer job stop ${job}`,
    "Ctrl-C stops the peer and leaves tasks running; `peer down` stops both.",
  ];
}

/** What the user is told; nothing where the peer is being stopped. */
async function failureOf(act: () => Promise<void>): Promise<CommandError | undefined> {
  try {
    await act();
    return undefined;
  } catch (cause) {
    if (cause instanceof InterruptedError) return undefined;
    if (cause instanceof CommandError) return cause;
    throw cause;
  }
}
