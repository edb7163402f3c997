import type { CommandContext } from "../../command.ts";
import { changeByName } from "../job/change.ts";
import { versionNumber } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const [job = "", text = ""] = context.arguments;
  return changeByName(context, job, "revert", { version: versionNumber(text) });
}
