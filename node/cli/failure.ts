/** How a failure is shown: one line what, one line what to do next; in JSON where that was asked for. */
import type { CommandError, Suggestion } from "./command.ts";
import { InterruptedError } from "./connection/api-error.ts";
import type { Output } from "./output.ts";

export async function printFailure(out: Output, error: CommandError): Promise<void> {
  const hint = (await nearHint(error.suggestion)) ?? error.hint;
  // After a part of a list, or lines of a stream, one more value would make them unreadable.
  if (out.json && !out.hasBegun) {
    const { code, message, details } = error;
    out.value({ error: { code, message, hint: hint ?? null, details } });
    return;
  }
  // Who pressed Ctrl-C knows.
  if (error instanceof InterruptedError) return;
  out.error(error.message, { text: error.text ?? detailText(error), hint });
}

async function nearHint(suggestion: Suggestion | undefined): Promise<string | undefined> {
  if (suggestion === undefined) return undefined;
  const { nearest } = await import("../../federation/index.ts");
  for (const given of suggestion.given) {
    const near = nearest(given, suggestion.known);
    if (near !== undefined) return suggestion.hint(near);
  }
  return undefined;
}

/** What the message does not say already. */
function detailText({ details, message, hint }: CommandError): string | undefined {
  const lines = details
    .filter((detail) => !message.includes(detail.message))
    .map((detail) => {
      const more = detail.hint === undefined || detail.hint === hint ? "" : ` (${detail.hint})`;
      return `  ${detail.path === "" ? "" : `${detail.path}: `}${detail.message}${more}`;
    });
  return lines.length === 0 ? undefined : lines.join("\n");
}
