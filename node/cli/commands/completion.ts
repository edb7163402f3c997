import { type CommandContext, EXIT } from "../command.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { type Place, placesOf } from "../completion/places.ts";
import { powershellScript } from "../completion/powershell.ts";
import type { Shell } from "../completion/shells.ts";
import { zshScript } from "../completion/zsh.ts";

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

export async function run(context: CommandContext): Promise<number> {
  // The table takes no other.
  const shell = context.arguments[0] as Shell;
  const script = SCRIPTS[shell](placesOf(context.commands));
  if (context.out.json) context.out.value({ shell, script });
  else context.out.raw(script);
  return EXIT.done;
}
