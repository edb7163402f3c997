/** From what people type to what it names. */
import type { AllocationRow, JobDetailRow, JobRow } from "../api/index.ts";
import { type CommandContext, CommandError, stringOption } from "./command.ts";
import { ApiError } from "./connection/api-error.ts";
import type { Client } from "./connection/client.ts";
import { counted, shortId } from "./format.ts";
import { isEnded, slotOf } from "./watch/phase.ts";

const CANDIDATES_SHOWN_MAX = 10;

export function namespaceOf(context: CommandContext): string | undefined {
  return stringOption(context, "namespace") ?? context.env["PEER_NAMESPACE"];
}

/** A part of a path, whatever it holds. */
export function pathPart(text: string): string {
  return encodeURIComponent(text);
}

/** Undefined where there is nothing of that id. */
export async function findOne<Row>(client: Client, path: string, query = {}): Promise<Row | undefined> {
  try {
    return await client.get<Row>(path, query);
  } catch (cause) {
    if (cause instanceof ApiError && cause.isNotFound) return undefined;
    throw cause;
  }
}

/** A job by its name or, where that is the start of one name only, by that. */
export async function findJob(
  client: Client,
  context: CommandContext,
  name: string,
): Promise<JobDetailRow | undefined> {
  const namespace = namespaceOf(context);
  const exact = await findOne<JobDetailRow>(client, `/v1/jobs/${pathPart(name)}`, { namespace });
  if (exact !== undefined) return exact;
  const { items } = await client.get<{ items: readonly JobRow[] }>("/v1/jobs", {
    ...{ prefix: name, namespace },
    limit: CANDIDATES_SHOWN_MAX,
  });
  const [first] = items;
  if (first === undefined) return undefined;
  if (items.length > 1)
    throw ambiguous(
      `several jobs begin with ${name}`,
      items.map((job) => `  ${job.id}`),
    );
  return findOne<JobDetailRow>(client, `/v1/jobs/${pathPart(first.id)}`, { namespace: first.namespace });
}

/**
 * An allocation by the start of its id, or of a job by its name. `only`: the job may have no other that
 * lives, because what is done to the wrong one can't be undone.
 */
export async function findAllocation(
  client: Client,
  context: CommandContext,
  name: string,
  choice: "newest" | "only",
): Promise<AllocationRow> {
  const byId = await findOne<AllocationRow>(client, `/v1/allocations/${pathPart(name)}`);
  if (byId !== undefined) return byId;
  const job = await findJob(client, context, name);
  if (job === undefined) {
    throw new CommandError(`no allocation or job begins with ${name}`, {
      code: "not_found",
      hint: "`peer ps -a` lists allocations, `peer job ls` jobs",
    });
  }
  const live = job.allocations.filter(isLive);
  const chosen = live.at(-1) ?? job.allocations.at(-1);
  if (chosen === undefined) {
    throw new CommandError(`job ${job.id} has no allocation`, {
      code: "not_found",
      hint: `\`peer job status ${job.id}\` says why`,
    });
  }
  if (live.length < 2) return chosen;
  if (choice === "only") {
    throw ambiguous(`job ${job.id} has ${counted(live.length, "allocation")}`, live.map(candidate));
  }
  context.out.note(`allocation ${shortId(chosen.id)}, the newest of ${live.length} of job ${job.id}`);
  return chosen;
}

function isLive(row: AllocationRow): boolean {
  return row.desired === "run" && !isEnded(row);
}

function candidate(row: AllocationRow): string {
  return `  ${shortId(row.id)}  ${slotOf(row)}  ${row.status}`;
}

function ambiguous(message: string, candidates: readonly string[]): CommandError {
  const more = candidates.length - CANDIDATES_SHOWN_MAX;
  const shown = candidates.slice(0, CANDIDATES_SHOWN_MAX);
  return new CommandError(message, {
    code: "ambiguous",
    text: [...shown, ...(more > 0 ? [`  and ${more} more`] : [])].join("\n"),
    hint: "name one of them",
    details: shown.map((line) => ({ path: line.trim().split("  ")[0] ?? "", message: line.trim() })),
  });
}
