import type { ReceiptRow } from "../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../command.ts";
import { namespaceOf } from "../lookup.ts";
import { monitorJob } from "../monitor.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const namespace = namespaceOf(context);
  const job = context.arguments[0] ?? "";
  const receipt = await client.call<ReceiptRow>("DELETE", `/v1/jobs/${encodeURIComponent(job)}`, {
    query: { namespace },
  });
  if (out.json) {
    out.value(receipt);
    return EXIT.done;
  }
  out.line(
    receipt.changed
      ? `==> job ${receipt.job} shall stop (${receipt.safety})`
      : `==> job ${receipt.job} was stopped before`,
  );
  if (flag(context, "detach") || out.quiet) return EXIT.done;
  return monitorJob({
    client,
    out,
    namespace,
    job: receipt.job,
    version: undefined,
    changesOnly: true,
    signal: context.signal,
  });
}
