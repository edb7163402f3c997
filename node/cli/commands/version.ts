import { RELEASE } from "../../release.ts";
import { type CommandContext, EXIT } from "../command.ts";

export async function run({ out }: CommandContext): Promise<number> {
  const { version: node, platform, arch } = process;
  if (out.json) out.value({ version: RELEASE, node, platform, arch });
  else if (out.quiet) out.line(RELEASE);
  else out.line(`peer ${RELEASE} (Node ${node.slice(1)}, ${platform}-${arch})`);
  return EXIT.done;
}
