/** Submits a job file and watches it run: `job run` and `start --run`. */
import type { ReceiptRow } from "../api/index.ts";
import type { Client } from "./client.ts";
import { type CommandContext, CommandError, EXIT, flag, stringOption } from "./command.ts";
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
  const receipt = await client.call<ReceiptRow>("POST", "/v1/jobs", {
    query: { check_index: flags.checkIndex, namespace: namespaceOf(context) },
    text: { type: input.type, content: input.content },
  });
  return watchReceipt(context, client, receipt, flags);
}

/** Tells what was accepted and watches it, unless the flags say otherwise. */
export async function watchReceipt(
  context: CommandContext,
  client: Client,
  receipt: ReceiptRow,
  flags: Pick<SubmitFlags, "detach"> = { detach: flag(context, "detach") },
): Promise<number> {
  const { out } = context;
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

/** Of `--check-index`; undefined where it is not given. */
export function checkIndexOf(context: CommandContext): number | undefined {
  const given = stringOption(context, "check-index");
  if (given === undefined) return undefined;
  const index = Number(given);
  if (Number.isSafeInteger(index) && index >= 0) return index;
  throw new CommandError(`--check-index ${given} is no index`, {
    hint: "a whole number, 0 or more",
    exitCode: EXIT.usage,
  });
}
