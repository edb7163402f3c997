import type { StatusRow } from "../../api/index.ts";
import { ApiError, type Client } from "../client.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";

const POLL_MS = 100;
const GONE_AFTER_MS = 120_000;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const status = await client.get<StatusRow>("/v1/status");
  await client.call("POST", "/v1/shutdown", { body: { tasks: true } });
  if (!out.json && out.live) out.note("stopping tasks …");
  await untilGone(client, context.signal);
  if (out.json) out.value({ stopped: true, node_id: status.node_id, pid: status.pid });
  else out.line(`peer ${status.node_name} (pid ${status.pid}) and its tasks have stopped`);
  return EXIT.done;
}

/** It answers until its tasks have ended; then nobody does. */
async function untilGone(client: Client, signal: AbortSignal): Promise<void> {
  const deadlineMs = Date.now() + GONE_AFTER_MS;
  while (Date.now() < deadlineMs && !signal.aborted) {
    try {
      await client.get("/v1/health");
    } catch (cause) {
      if (cause instanceof CommandError && !(cause instanceof ApiError)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new CommandError("the peer has not stopped yet", {
    hint: "`peer status` shows whether it still answers",
  });
}
