/** Sends job files to a peer: `job run`, `job validate` and `start --run`. */
import type { ReceiptRow } from "../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../command.ts";
import type { Client } from "../connection/client.ts";
import { namespaceOf } from "../lookup.ts";
import type { BatchGoal } from "../watch/verdict.ts";
import { type WatchRequest, watchToTheEnd } from "../watch/watch.ts";
import type { JobFile } from "./job-file.ts";
import { describeRefusal, printWarnings } from "./problems.ts";

/** Throws CommandError with all that is wrong with the file. Tells people what was accepted. */
export async function submit(
  context: CommandContext,
  client: Client,
  file: JobFile,
  checkIndex: number | undefined,
): Promise<ReceiptRow> {
  const receipt = await send<ReceiptRow>(client, "/v1/jobs", file, {
    check_index: checkIndex,
    namespace: namespaceOf(context),
  });
  if (context.out.isText) await printWarnings(context, file, receipt.warnings);
  printReceipt(context, receipt);
  return receipt;
}

/** What was accepted, for people and for scripts; programs get it with what comes of it. */
export function printReceipt({ out }: CommandContext, receipt: ReceiptRow): void {
  if (out.quiet) out.line(receipt.job);
  if (!out.isText) return;
  const how = receipt.changed ? receipt.safety : "unchanged";
  const version = receipt.version === null ? "" : ` version ${receipt.version}`;
  out.line(`==> job ${receipt.job}${version} (${how})`);
}

/** Until the job runs as wanted or can't, unless the flags say otherwise. */
export async function watchReceipt(
  context: CommandContext,
  client: Client,
  receipt: ReceiptRow,
): Promise<number> {
  if (!flag(context, "detach")) {
    return watchToTheEnd(context, client, watchRequest(receipt, "complete"), receipt);
  }
  if (context.out.json) context.out.value({ ...receipt, outcome: null });
  return EXIT.done;
}

/** Sends a job file's text; a refusal becomes the list of what is wrong with it. */
export async function send<Answer>(
  client: Client,
  path: string,
  file: JobFile,
  query: Readonly<Record<string, string | number | undefined>>,
): Promise<Answer> {
  try {
    return await client.call<Answer>("POST", path, {
      query,
      text: { type: file.format === "json" ? "application/json" : "application/yaml", content: file.text },
    });
  } catch (cause) {
    throw await describeRefusal(cause, file);
  }
}

/** What to watch for once a job was submitted. */
export function watchRequest(receipt: ReceiptRow, batchGoal: BatchGoal): WatchRequest {
  return {
    job: receipt.job,
    namespace: receipt.namespace,
    goal: "run",
    batchGoal,
    version: receipt.version ?? undefined,
    newsFrom: receipt.changed ? receipt.index : undefined,
  };
}
