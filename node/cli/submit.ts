/** Submits a job file and watches it run: `job run` and `start --run`. */
import type { ReceiptRow } from "../api/index.ts";
import type { Client } from "./client.ts";
import { type CommandContext, EXIT } from "./command.ts";
import type { JobInput } from "./job-input.ts";
import { namespaceOf } from "./lookup.ts";
import { monitorJob } from "./monitor.ts";

export interface SubmitFlags {
  readonly checkIndex: number | undefined;
  readonly detach: boolean;
}

/** The exit code: 0 as wanted, 1 it failed, 2 accepted but not all placed. */
export async function submitAndWatch(
  context: CommandContext,
  client: Client,
  input: JobInput,
  flags: SubmitFlags,
): Promise<number> {
  const { out } = context;
  const receipt = await client.call<ReceiptRow>("POST", "/v1/jobs", {
    query: { check_index: flags.checkIndex, namespace: namespaceOf(context) },
    text: { type: input.type, content: input.content },
  });
  if (out.json) {
    out.value(receipt);
    return EXIT.done;
  }
  if (out.quiet) {
    out.line(receipt.job);
    return EXIT.done;
  }
  for (const warning of receipt.warnings) {
    out.note(`${out.paint("warning:", "yellow")} ${warning.path}: ${warning.message}`);
  }
  const what = receipt.changed ? receipt.safety : "unchanged";
  out.line(`==> job ${receipt.job} version ${receipt.version ?? "-"} (${what})`);
  if (flags.detach) return EXIT.done;
  return monitorJob({
    client,
    out,
    namespace: receipt.namespace,
    job: receipt.job,
    version: receipt.version ?? undefined,
    signal: context.signal,
  });
}
