/** The fields of a job file as Markdown, for docs/job-file.md. */
import { HOUR_MS } from "../limits.ts";
import { formatDuration, formatSize } from "../units.ts";
import { jobShape } from "./job-shape.ts";
import type { Field, RecordShape, Shape } from "./shape.ts";

/** One table for each record of the file, outermost first. */
export function jobFileReference(): string {
  const sections: string[] = [];
  const pending: { readonly path: string; readonly shape: RecordShape }[] = [{ path: "", shape: jobShape }];
  for (const { path, shape } of pending) {
    sections.push(section(path, shape));
    for (const [name, field] of Object.entries(shape.fields)) {
      const inner = innerRecord(field.shape, path === "" ? name : `${path}.${name}`);
      if (inner !== undefined) pending.push(inner);
    }
  }
  return sections.join("\n");
}

function innerRecord(shape: Shape, path: string): { path: string; shape: RecordShape } | undefined {
  if (shape.kind === "record") return { path, shape };
  if (shape.kind === "list") return innerRecord(shape.item, `${path}[]`);
  if (shape.kind === "map") return innerRecord(shape.value, `${path}.NAME`);
  return undefined;
}

function section(path: string, shape: RecordShape): string {
  const heading = path === "" ? "### The top of the file" : `### \`${path}\``;
  const rows = Object.entries(shape.fields).map(([name, field]) => row(name, field));
  const later = Object.keys(shape.later);
  const notYet =
    later.length === 0 ? "" : `\nNot supported yet: ${later.map((name) => `\`${name}\``).join(", ")}.\n`;
  return `${heading}\n\n| field | value | meaning |\n|---|---|---|\n${rows.join("\n")}\n${notYet}`;
}

function row(name: string, field: Field): string {
  const required = field.required ? ", required" : "";
  const initial = field.default === undefined ? "" : ` Default: ${field.default}.`;
  return `| \`${name}\` | ${describeShape(field.shape)}${required} | ${field.description}${initial} |`;
}

function describeShape(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      return "text";
    case "scalar":
      return "text, number or boolean";
    case "choice":
      return shape.values.map((value) => `\`${value}\``).join(", ");
    case "integer":
      return `${shape.min} to ${shape.max}`;
    case "boolean":
      return "true or false";
    case "duration":
      return shape.maxMs > 24 * HOUR_MS
        ? `duration, from ${formatDuration(shape.minMs)}`
        : `duration, ${formatDuration(shape.minMs)} to ${formatDuration(shape.maxMs)}`;
    case "size":
      return `size, from ${formatSize(shape.minBytes)}`;
    case "opaque":
      return "map";
    case "list":
      return `${shape.single ? "one, or a " : ""}list of at most ${shape.max} ${shape.itemName}s`;
    case "map":
      return `map of ${shape.min > 0 ? "1 to" : "at most"} ${shape.max} ${shape.itemName}s by name`;
    case "record":
      return shape.isSwitch ? "true, false or map" : "map";
  }
}
