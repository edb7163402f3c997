/**
 * Rules for `${name}` in `config` and `env`. What no node will ever fill in is told: a misspelt name of ours
 * is a problem; a misspelt attribute of a node is a warning, since scripts write such things, too. All else
 * is left to the shell or the script that it is for.
 */
import { placementNames } from "../../../federation/index.ts";
import type { Path } from "../findings.ts";
import type { GroupDraft, JobDraft, TaskDraft } from "../shape/job-shape.ts";
import { attributeProblem } from "./attribute.ts";
import type { RuleContext } from "./context.ts";

const REFERENCE = /\$\{\s*([A-Za-z0-9_.]{1,128})\s*\}/gu;
const OURS = /^(?:NOMAD|PEER)_/u;
const OF_NODE = /^(?:attr|node)\./u;
/** Longer lists of labels help nobody. */
const LABELS_TOLD_MAX = 8;
const LENGTH_DIFFERENCE_MAX = 3;

export function checkVariables(
  job: JobDraft,
  group: GroupDraft,
  task: TaskDraft,
  path: Path,
  context: RuleContext,
): void {
  const labels = Object.keys(group.network?.ports ?? {});
  const metaKeys = [job.meta, group.meta, task.meta].flatMap((meta) => Object.keys(meta ?? {}));
  const variants = task.variants ?? [];
  const own = [task.env, ...variants.map((variant) => variant?.env)].flatMap((env) => Object.keys(env ?? {}));
  const known = new Set([...placementNames(labels, metaKeys), ...own]);
  const check = (text: string, at: Path) => checkText(text, at, { known, labels }, context);
  for (const place of [{ path, program: task }, ...placesOf(variants, path)]) {
    visitTexts(place.program?.env, [...place.path, "env"], check);
    visitTexts(place.program?.config, [...place.path, "config"], check);
  }
}

type Program = Pick<TaskDraft, "env" | "config">;

function placesOf(variants: readonly (Program | undefined)[], path: Path) {
  return variants.map((program, index) => ({ path: [...path, "variants", index], program }));
}

function visitTexts(value: unknown, path: Path, visit: (text: string, path: Path) => void): void {
  if (typeof value === "string") visit(value, path);
  else if (Array.isArray(value))
    for (const [at, item] of value.entries()) visitTexts(item, [...path, at], visit);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) visitTexts(item, [...path, key], visit);
  }
}

function checkText(
  text: string,
  path: Path,
  names: { readonly known: ReadonlySet<string>; readonly labels: readonly string[] },
  context: RuleContext,
): void {
  if (!text.includes("${")) return;
  for (const [, name = ""] of text.matchAll(REFERENCE)) {
    if (OF_NODE.test(name)) {
      const problem = attributeProblem(name);
      if (problem !== undefined) context.warning(path, problem.message, problem.hint);
    } else if (OURS.test(name) && !names.known.has(name)) {
      const guess = context.guess(
        name,
        [...names.known].filter((other) => isLike(name, other)),
      );
      const meant = guess === undefined ? "" : `; did you mean \${${guess}}?`;
      context.problem(path, `there is no \${${name}} in this task${meant}`, hintFor(name, names.labels));
    }
  }
}

/** Cheap to say, so that few names are compared letter by letter. */
function isLike(name: string, other: string): boolean {
  return Math.abs(name.length - other.length) <= LENGTH_DIFFERENCE_MAX && name[0] === other[0];
}

function hintFor(name: string, labels: readonly string[]): string {
  if (/_(?:PORT|ADDR|IP)_/u.test(name)) {
    const told = labels.slice(0, LABELS_TOLD_MAX).join(", ");
    return labels.length === 0 ? "the group has no ports" : `the group has the ports ${told}`;
  }
  return "docs/job-file.md lists what a task is given";
}
