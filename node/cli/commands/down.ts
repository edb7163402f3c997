import type { StatusRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { ApiError, ConnectionError, InterruptedError } from "../connection/api-error.ts";
import type { Client } from "../connection/client.ts";

const POLL_MS = 100;
/** Longer than any kill_timeout that is meant. */
const GONE_AFTER_MS = 10 * 60_000;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const status = await client.get<StatusRow>("/v1/status");
  await client.call("POST", "/v1/shutdown", { body: { tasks: true } });
  out.progress(`stopping ${status.node_name} and its tasks …`);
  await untilGone(context, client);
  if (out.json) out.value({ stopped: true, node_id: status.node_id, pid: status.pid });
  if (out.quiet) out.line(status.node_id);
  if (out.isText) out.line(`peer ${status.node_name} (pid ${status.pid}) and its tasks have stopped`);
  return EXIT.done;
}

/** It answers until its tasks have ended; then nobody does. */
async function untilGone(context: CommandContext, client: Client): Promise<void> {
  const { clock, signal } = context;
  const deadlineMs = clock.nowMs() + GONE_AFTER_MS;
  while (clock.nowMs() < deadlineMs) {
    try {
      await client.get("/v1/health");
    } catch (cause) {
      if (cause instanceof ConnectionError) return;
      if (cause instanceof InterruptedError) {
        throw new CommandError("no longer watching; the peer goes on stopping", { exitCode: cause.exitCode });
      }
      if (!(cause instanceof ApiError)) throw cause;
    }
    await clock.sleep(POLL_MS, signal);
  }
  throw new CommandError("the peer has not stopped yet", {
    hint: "`peer status` shows whether it still answers; a task may have a long kill_timeout",
  });
}
