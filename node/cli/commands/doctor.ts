import type { DoctorRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { statusCell } from "../output.ts";

const NODE_PREFERRED_MAJOR = 24;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const checks = [runtimeCheck(process.versions.node), ...(await peerChecks(context))];
  const problems = checks.filter((check) => check.state !== "ok");
  if (out.json) out.value(checks);
  if (out.quiet) out.lines(problems.map((check) => check.name));
  if (out.isText) {
    out.rows(
      [{ header: "state" }, { header: "check" }, { header: "finding", isWhole: true }],
      checks.map((check) => [statusCell(check.state), check.name, check.message]),
    );
    for (const { name, hint } of problems) {
      if (hint !== undefined) out.line(`  ${out.paint(`${name}, next:`, "cyan")} ${hint}`);
    }
  }
  return checks.some((check) => check.state === "problem") ? EXIT.failed : EXIT.done;
}

/** What can be told without a peer: whether this machine can be one. */
function runtimeCheck(version: string): DoctorRow {
  const check = { name: "node", message: `Node ${version}` };
  if (Number(version.split(".")[0]) >= NODE_PREFERRED_MAJOR) return { ...check, state: "ok" };
  const hint = `Node ${NODE_PREFERRED_MAJOR} starts faster and uses less memory`;
  return { ...check, state: "warning", hint };
}

async function peerChecks(context: CommandContext): Promise<readonly DoctorRow[]> {
  try {
    const client = await context.client();
    return (await client.get<{ items: readonly DoctorRow[] }>("/v1/doctor")).items;
  } catch (cause) {
    if (!(cause instanceof CommandError) || context.signal.aborted) throw cause;
    const { message, hint } = cause;
    return [{ name: "peer", state: "problem", message, ...(hint === undefined ? {} : { hint }) }];
  }
}
