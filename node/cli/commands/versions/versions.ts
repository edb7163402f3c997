/** Versions of a job, each beside the one before it. */
import type { DiffRow, VersionRow } from "../../../api/index.ts";
import { diffWritten } from "../../../jobfile/index.ts";
import { type CommandContext, CommandError, usageError } from "../../command.ts";
import type { Client } from "../../connection/client.ts";
import { namespaceOf, pathPart } from "../../lookup.ts";

/** Those that are kept, oldest first; there is always one. */
export async function versionsOf(
  context: CommandContext,
  client: Client,
  job: string,
): Promise<readonly VersionRow[]> {
  const versions: VersionRow[] = [];
  const path = `/v1/jobs/${pathPart(job)}/versions`;
  for await (const page of client.pages<VersionRow>(path, { namespace: namespaceOf(context) })) {
    versions.push(...page);
  }
  return versions;
}

/** By number or tag. */
export function findVersion(versions: readonly VersionRow[], text: string, job: string): VersionRow {
  const number = isNumber(text) ? versionNumber(text) : undefined;
  const found = versions.find(({ tags, version }) =>
    number === undefined ? tags.includes(text) : version === number,
  );
  if (found !== undefined) return found;
  const kept = versions.map(({ tags, version }) => [version, ...tags].join(" "));
  throw new CommandError(`job ${job} has no ${number === undefined ? "tag" : "version"} ${text}`, {
    code: "not_found",
    hint: `it keeps ${kept.join(", ")}`,
  });
}

/** No tag is one. */
export function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

export function versionNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw usageError(
    `${text} is no version`,
    "a version is a number from 1 on; `peer job history JOB` lists them",
  );
}

export function diffVersions(before: VersionRow | undefined, after: VersionRow): readonly DiffRow[] {
  return diffWritten(before?.spec, after.spec).map(({ path, ...entry }) => ({ path: [...path], ...entry }));
}
