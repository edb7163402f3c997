/** Small questions that several commands ask. */
import type { AllocationRow } from "../api/index.ts";
import { ApiError, type Client } from "./client.ts";
import { type CommandContext, CommandError, stringOption } from "./command.ts";

export function namespaceOf(context: CommandContext): string | undefined {
  return stringOption(context, "namespace") ?? context.env["PEER_NAMESPACE"];
}

/** An allocation by id prefix, or the newest one of the job of that name. */
export async function findAllocation(
  client: Client,
  context: CommandContext,
  name: string,
): Promise<AllocationRow> {
  try {
    return await client.get<AllocationRow>(`/v1/allocations/${encodeURIComponent(name)}`);
  } catch (cause) {
    if (!(cause instanceof ApiError) || (cause.code !== "not_found" && cause.code !== "bad_request"))
      throw cause;
  }
  const path = `/v1/jobs/${encodeURIComponent(name)}/allocations`;
  const namespace = namespaceOf(context);
  try {
    const allocations = await client.list<AllocationRow>(path, { namespace });
    const newest = [...allocations].sort(byAge).at(-1);
    if (newest !== undefined) return newest;
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.code !== "not_found") throw cause;
  }
  throw new CommandError(`no allocation or job begins with ${name}`, {
    hint: "`peer ps -a` lists allocations",
  });
}

/** Those that live after those that ended, then by creation. */
function byAge(left: AllocationRow, right: AllocationRow): number {
  const live = (row: AllocationRow) => (row.desired === "run" ? 1 : 0);
  return live(left) - live(right) || Date.parse(left.created_at) - Date.parse(right.created_at);
}
