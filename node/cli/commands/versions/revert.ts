import type { CommandContext } from "../../command.ts";
import { changeByName } from "../job/change.ts";
import { isNumber, versionNumber } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const [job = "", text = ""] = context.arguments;
  const wanted = isNumber(text) ? { version: versionNumber(text) } : { tag: text };
  return changeByName(context, job, "revert", wanted);
}
