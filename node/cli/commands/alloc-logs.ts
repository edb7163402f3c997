import type { AllocationRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT, flag, stringOption } from "../command.ts";
import { findAllocation } from "../lookup.ts";

const TAIL_LINES_DEFAULT = 100;

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "");
  const stream = client.stream(`/v1/allocations/${row.id}/logs`, {
    query: {
      task: taskOf(row, context.arguments[1]),
      stream: flag(context, "stderr") ? "stderr" : "stdout",
      follow: flag(context, "follow") ? true : undefined,
      ...tailOf(context),
    },
    signal: context.signal,
  });
  const decoder = new TextDecoder();
  for await (const chunk of stream) context.out.raw(decoder.decode(chunk, { stream: true }));
  return EXIT.done;
}

function taskOf(row: AllocationRow, given: string | undefined): string {
  const names = Object.keys(row.tasks);
  const [first] = names;
  if (given !== undefined && names.includes(given)) return given;
  if (given === undefined && names.length === 1 && first !== undefined) return first;
  throw new CommandError(
    given === undefined ? "this allocation has several tasks" : `there is no task ${given}`,
    {
      hint: `name one of: ${names.join(", ")}`,
      exitCode: EXIT.usage,
    },
  );
}

function tailOf(context: CommandContext): { tail_lines: number } | { offset: number } {
  const given = stringOption(context, "tail");
  if (given === "all") return { offset: 0 };
  const lines = given === undefined ? TAIL_LINES_DEFAULT : Number(given);
  if (!Number.isSafeInteger(lines) || lines < 0) {
    throw new CommandError(`--tail ${given} is no number of lines`, {
      hint: "--tail 20, or --tail all",
      exitCode: EXIT.usage,
    });
  }
  return { tail_lines: lines };
}
