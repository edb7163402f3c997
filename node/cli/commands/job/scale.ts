import { type CommandContext, usageError } from "../../command.ts";
import { changeByName } from "./change.ts";

export async function run(context: CommandContext): Promise<number> {
  const [job = "", ...rest] = context.arguments;
  const count = countOf(rest.at(-1) ?? "");
  const group = rest.length > 1 ? { group: rest[0] } : {};
  return changeByName(context, job, "scale", { ...group, count });
}

function countOf(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw usageError(`${text} is no count`, "usage: peer job scale JOB [GROUP] COUNT");
}
