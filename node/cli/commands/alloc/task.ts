/** Which task of an allocation is meant. */
import type { AllocationRow } from "../../../api/index.ts";
import { CommandError, usageError } from "../../command.ts";

/** CommandError when it has no such task. */
export function taskNamed(row: AllocationRow, name: string): string {
  if (Object.hasOwn(row.tasks, name)) return name;
  throw new CommandError(`there is no task ${name}`, {
    code: "not_found",
    hint: `name one of: ${namesOf(row)}`,
  });
}

/** The one that is named, or the only one. */
export function taskMeant(row: AllocationRow, name: string | undefined): string {
  if (name !== undefined) return taskNamed(row, name);
  const [first, second] = Object.keys(row.tasks);
  if (first === undefined) {
    throw new CommandError("no task of this allocation has begun yet", {
      hint: `\`peer job status ${row.job}\` says what it waits for`,
    });
  }
  if (second === undefined) return first;
  throw usageError("this allocation has several tasks", `name one of: ${namesOf(row)}`);
}

function namesOf(row: AllocationRow): string {
  return Object.keys(row.tasks).join(", ");
}
