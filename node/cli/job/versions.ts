/** Versions of a job as the commands look at them: newest first, each beside the one before it. */

import type { DiffRow, VersionRow } from "../../api/index.ts";
import { diffWritten } from "../../jobfile/index.ts";
import type { Client } from "../client.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { namespaceOf } from "../lookup.ts";

/** Those that are kept, oldest first; there is always one. */
export function versionsOf(
  context: CommandContext,
  client: Client,
  job: string,
): Promise<readonly VersionRow[]> {
  const path = `/v1/jobs/${encodeURIComponent(job)}/versions`;
  return client.list<VersionRow>(path, { namespace: namespaceOf(context) });
}

export function findVersion(versions: readonly VersionRow[], number: number, job: string): VersionRow {
  const found = versions.find(({ version }) => version === number);
  if (found !== undefined) return found;
  throw new CommandError(`job ${job} has no version ${number}`, {
    hint: `it keeps ${versions.map(({ version }) => version).join(", ")}`,
  });
}

export function versionNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new CommandError(`${text} is no version`, {
    hint: "a version is a number from 1 on; `peer job history JOB` lists them",
    exitCode: EXIT.usage,
  });
}

export function diffVersions(before: VersionRow | undefined, after: VersionRow): readonly DiffRow[] {
  return diffWritten(before?.spec, after.spec).map(({ path, ...entry }) => ({ path: [...path], ...entry }));
}
