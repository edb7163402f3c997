import { RELEASE } from "../../release.ts";
import { type CommandContext, EXIT } from "../command.ts";

export async function run({ out }: CommandContext): Promise<number> {
  const facts = { version: RELEASE, node: process.version, platform: process.platform, arch: process.arch };
  if (out.json) out.value(facts);
  else out.line(`peer ${facts.version} (Node ${facts.node.slice(1)}, ${facts.platform}-${facts.arch})`);
  return EXIT.done;
}
