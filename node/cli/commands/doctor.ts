import type { DoctorRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { localChecks } from "../local-checks.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const local = await localChecks();
  let checks: readonly DoctorRow[];
  try {
    const client = await context.client();
    checks = [...local, ...(await client.get<{ items: readonly DoctorRow[] }>("/v1/doctor")).items];
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const answer = { name: "peer", state: "problem" as const, message: cause.message };
    checks = [...local, { ...answer, ...(cause.hint === undefined ? {} : { hint: cause.hint }) }];
  }
  if (out.json) out.value(checks);
  else {
    const width = Math.max(...checks.map((check) => check.name.length));
    for (const check of checks) {
      out.line(
        `${out.status(check.state)}${" ".repeat(9 - check.state.length)}${check.name.padEnd(width)}  ${check.message}`,
      );
      if (check.hint !== undefined)
        out.line(`${" ".repeat(11 + width)}${out.paint("next:", "cyan")} ${check.hint}`);
    }
  }
  return checks.some((check) => check.state === "problem") ? EXIT.failed : EXIT.done;
}
