import type { TagRow } from "../../../api/index.ts";
import type { CommandContext } from "../../command.ts";
import { formatAge } from "../../format.ts";
import { printList } from "../../listing.ts";
import { namespaceOf, pathPart } from "../../lookup.ts";

export function run(context: CommandContext): Promise<number> {
  const job = context.arguments[0] ?? "";
  return printList<TagRow>(context, {
    path: `/v1/jobs/${pathPart(job)}/tags`,
    query: { namespace: namespaceOf(context) },
    columns: [
      { header: "tag" },
      ...["version", "age", "by"].map((header) => ({ header })),
      { header: "description", isFlexible: true },
    ],
    rows: (tag, nowMs) => [
      [
        tag.name,
        String(tag.version),
        formatAge(tag.submitted_at, nowMs),
        tag.submitted_by,
        tag.description ?? "-",
      ],
    ],
    idOf: (tag) => tag.name,
    none: `no tags; \`peer job tag NAME ${job}\` names its present version`,
  });
}
