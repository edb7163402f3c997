import { type CommandContext, CommandError, EXIT } from "../../command.ts";
import { diffLines } from "./diff-text.ts";
import { diffVersions, findVersion, versionsOf } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const [job = "", first, second] = context.arguments;
  const versions = await versionsOf(context, await context.client(), job);
  const newest = versions.at(-1);
  const after = second === undefined ? newest : findVersion(versions, second, job);
  const before = first === undefined ? versions.at(-2) : findVersion(versions, first, job);
  if (before === undefined || after === undefined) {
    throw new CommandError(`job ${job} has one version: there is nothing to compare it with`, {
      hint: "`peer job plan FILE` compares it with a file",
    });
  }
  const entries = diffVersions(before, after);
  const title = `job ${job}, version ${before.version} => ${after.version}`;
  if (out.json) out.value({ before: before.version, after: after.version, diff: entries });
  if (out.quiet) out.lines(entries.map(({ path }) => path.join(".")));
  if (!out.isText) return EXIT.done;
  out.lines(
    entries.length === 0
      ? [`${title}: nothing differs`]
      : diffLines(title, entries, (...of) => out.paint(...of)),
  );
  return EXIT.done;
}
