/** Rules for constraints, affinities and spreads: what each operator needs. */
import {
  type ConstraintOperator,
  globPattern,
  type JobType,
  runsOnEveryNode,
} from "../../../federation/index.ts";
import { type Path, quote } from "../findings.ts";
import { canonicalAttribute, canonicalOperator } from "../placement.ts";
import type { GroupDraft, JobDraft, TaskDraft } from "../shape/job-shape.ts";
import { attributeProblem } from "./attribute.ts";
import type { RuleContext } from "./context.ts";
import { patternProblem, versionProblem } from "./operand.ts";

export function checkJobPlacement(job: JobDraft, type: JobType, context: RuleContext): void {
  checkWishes(job, [], context);
  checkSpreads(job, [], context);
  checkEveryNode(job, type, [], context);
  checkDatacenters(job, context);
  checkNeighbours(job, job, [], context);
}

/** With a `*` they become one pattern, which is as long as a pattern may be. */
function checkDatacenters(job: JobDraft, context: RuleContext): void {
  const globs = (job.datacenters ?? []).flatMap((glob) => glob ?? []);
  if (!globs.some((glob) => glob.includes("*"))) return;
  if (patternProblem(globPattern(globs)) === undefined) return;
  context.problem(["datacenters"], "are too long together", "shorten or merge some: paris-* for paris-1 …");
}

export function checkGroupPlacement(
  group: GroupDraft,
  type: JobType,
  path: Path,
  job: JobDraft,
  context: RuleContext,
): void {
  checkWishes(group, path, context);
  checkNeighbours(job, group, path, context);
  checkSpreads(group, path, context);
  checkEveryNode(group, type, path, context);
  checkCount(group, type, path, context);
  for (const [name, task] of Object.entries(group.tasks ?? {})) {
    if (task !== undefined) checkTask(task, type, [...path, "tasks", name], context);
  }
}

function checkTask(task: TaskDraft, type: JobType, path: Path, context: RuleContext): void {
  checkWishes(task, path, context);
  checkEveryNode(task, type, path, context);
  for (const [index, constraint] of (task.constraints ?? []).entries()) {
    if (!isDistinct(canonicalOperator(constraint?.operator))) continue;
    const message = `${constraint?.operator} is about instances of the group, not about a task`;
    context.problem([...path, "constraints", index], message, "move it to the constraints of the group");
  }
}

/** What chooses among nodes says nothing where none is left out (Nomad refuses it too). */
function checkEveryNode(
  owner: Pick<GroupDraft, "affinities" | "spread" | "near" | "apart" | "algorithm">,
  type: JobType,
  path: Path,
  context: RuleContext,
): void {
  if (!runsOnEveryNode(type)) return;
  for (const field of ["affinities", "spread", "near", "apart", "algorithm"] as const) {
    if (owner[field] === undefined) continue;
    const message = `a ${type} job runs on every node that fits: there is nothing to prefer`;
    context.problem([...path, field], message, "remove it, or use constraints");
  }
}

function checkCount(group: GroupDraft, type: JobType, path: Path, context: RuleContext): void {
  if (!runsOnEveryNode(type) || group.count === undefined || group.count === 1) return;
  const hint = "remove it; `peer job stop` stops the job, constraints choose nodes";
  context.problem([...path, "count"], `a ${type} job runs once on every node that fits`, hint);
}

interface WishDraft {
  readonly attribute?: string | undefined;
  readonly operator?: Parameters<typeof canonicalOperator>[0] | undefined;
  readonly value?: string | undefined;
}

function checkWishes(
  owner: Pick<TaskDraft, "constraints" | "affinities">,
  path: Path,
  context: RuleContext,
): void {
  for (const [index, constraint] of (owner.constraints ?? []).entries()) {
    if (constraint !== undefined) checkWish(constraint, [...path, "constraints", index], context);
  }
  for (const [index, affinity] of (owner.affinities ?? []).entries()) {
    if (affinity === undefined) continue;
    const at = [...path, "affinities", index];
    checkWish(affinity, at, context);
    if (affinity.weight !== 0) continue;
    context.problem([...at, "weight"], "must not be 0", "1 to 100 likes such nodes, -1 to -100 avoids them");
  }
}

const NO_VALUE: readonly ConstraintOperator[] = ["is_set", "is_not_set"];

function isDistinct(operator: ConstraintOperator): boolean {
  return operator === "distinct_hosts" || operator === "distinct_property";
}

function checkWish(wish: WishDraft, path: Path, context: RuleContext): void {
  // Another word than an operator is told already, and what it needs is not known.
  if (wish.operator === undefined && context.given([...path, "operator"])) return;
  const operator = canonicalOperator(wish.operator);
  const valuePath = [...path, "value"];
  checkAttribute(wish.attribute, operator, path, context);
  if (operator === "distinct_hosts") {
    if (wish.value === undefined || wish.value === "true") return;
    const hint = wish.value === "false" ? "remove the constraint" : "remove the value";
    context.problem(valuePath, "distinct_hosts holds always, it has no value", hint);
  } else if (NO_VALUE.includes(operator)) {
    if (!context.given(valuePath)) return;
    context.problem(valuePath, `${operator} has no value`, "remove it, or write another operator");
  } else if (wish.value !== undefined) {
    checkValue(operator, wish.value, valuePath, context);
  } else if (operator !== "distinct_property" && !context.given(valuePath)) {
    const hint = 'write "value: …"; "operator: is_set" asks only whether the node has the attribute';
    context.problem(valuePath, `is missing: ${operator} compares with one`, hint);
  }
}

function checkAttribute(
  attribute: string | undefined,
  operator: ConstraintOperator,
  path: Path,
  context: RuleContext,
): void {
  const at = [...path, "attribute"];
  if (operator === "distinct_hosts") {
    if (!context.given(at)) return;
    const hint = 'remove it; "operator: distinct_property" keeps instances apart by an attribute';
    context.problem(at, "distinct_hosts is about nodes, it has no attribute", hint);
  } else if (attribute !== undefined) {
    checkAttributeName(attribute, at, context);
  } else if (!context.given(at)) {
    context.problem(at, `is missing: ${operator} judges one`, 'write "attribute: attr.arch"');
  }
}

function checkAttributeName(attribute: string, path: Path, context: RuleContext): void {
  const problem = attributeProblem(canonicalAttribute(attribute));
  if (problem !== undefined) context.problem(path, problem.message, problem.hint);
}

/** A number of instances, without sign, zeros in front or fraction. */
const INSTANCES = /^[1-9][0-9]{0,5}$/u;

function checkValue(operator: ConstraintOperator, value: string, path: Path, context: RuleContext): void {
  if (value === "") {
    context.problem(path, "is empty", 'to ask whether the node has the attribute, write "operator: is_set"');
    return;
  }
  if (value.includes("${") && operator !== "distinct_property") {
    checkReference(value, path, context);
    return;
  }
  switch (operator) {
    case "regexp": {
      const problem = patternProblem(value);
      if (problem !== undefined) context.problem(path, problem.message, problem.hint);
      return;
    }
    case "version":
    case "semver": {
      const problem = versionProblem(operator, value);
      if (problem !== undefined) context.problem(path, problem.message, problem.hint);
      return;
    }
    case "set_contains":
    case "set_contains_any":
      if (value.split(",").every((item) => item.trim() !== "")) return;
      context.problem(
        path,
        `has an empty item: ${quote(value)}`,
        'separate items with one comma: "arm64,x64"',
      );
      return;
    case "distinct_property":
      if (INSTANCES.test(value)) return;
      context.problem(
        path,
        `must be a number of instances; this is ${quote(value)}`,
        'write "value: 2", or remove it for 1',
      );
      return;
    default:
  }
}

/** The value of another attribute of the same node, alone: `${attr.x}`. */
const REFERENCE = /^\$\{[a-z]+\.[^\s${}]+\}$/u;

function checkReference(value: string, path: Path, context: RuleContext): void {
  if (REFERENCE.test(value)) checkAttributeName(value, path, context);
  else {
    const hint = 'write the value itself, or one attribute alone: "${meta.rack}"';
    context.problem(path, "not supported yet: ${…} within a text", hint);
  }
}

function checkNeighbours(
  job: JobDraft,
  owner: Pick<GroupDraft, "near" | "apart">,
  ownerPath: Path,
  context: RuleContext,
): void {
  for (const kind of ["near", "apart"] as const) {
    const path = [...ownerPath, kind];
    for (const [index, neighbour] of (owner[kind] ?? []).entries()) {
      const at = context.isList(path) ? [...path, index] : path;
      if (neighbour !== undefined) checkNeighbour(job, neighbour, at, context);
    }
  }
}

function checkNeighbour(
  job: JobDraft,
  neighbour: NonNullable<NonNullable<GroupDraft["near"]>[number]>,
  path: Path,
  context: RuleContext,
): void {
  const { by, group, required } = neighbour;
  if (!context.given([...path, "job"]) && !context.given([...path, "group"])) {
    context.problem(
      path,
      "names nobody",
      'write "job: db" for another job, "group: cache" for a group of this one',
    );
  }
  if (by !== undefined) checkAttributeName(by, [...path, "by"], context);
  if (required === true && context.given([...path, "weight"])) {
    const message = "counts for nothing beside required: true, which leaves no choice";
    context.problem([...path, "weight"], message, "remove one of the two");
  }
  const isOwn =
    !context.given([...path, "job"]) || (neighbour.job !== undefined && neighbour.job === job.job);
  const groups = Object.keys(job.groups ?? {});
  if (!isOwn || group === undefined || groups.length === 0 || groups.includes(group)) return;
  const guess = context.guess(group, groups);
  const message = `there is no group ${quote(group)} in this job`;
  const hint = guess === undefined ? `it has ${groups.join(", ")}` : `did you mean ${guess}?`;
  context.problem([...path, "group"], message, hint);
}

const PERCENT_MAX = 100;

function checkSpreads(owner: Pick<GroupDraft, "spread">, ownerPath: Path, context: RuleContext): void {
  const path = [...ownerPath, "spread"];
  const seen = new Map<string, number>();
  for (const [index, spread] of (owner.spread ?? []).entries()) {
    if (spread === undefined) continue;
    const at = context.isList(path) ? [...path, index] : path;
    const { attribute } = spread;
    if (attribute !== undefined) {
      checkAttributeName(attribute, [...at, "attribute"], context);
      const first = seen.get(canonicalAttribute(attribute));
      if (first !== undefined) {
        const message = `spreads over the same attribute as spread[${first}]`;
        context.problem([...at, "attribute"], message, "keep one of the two");
      }
      seen.set(canonicalAttribute(attribute), first ?? index);
    }
    const percents = Object.values(spread.targets ?? {}).map((target) => target?.percent ?? 0);
    const sum = percents.reduce((total, percent) => total + percent, 0);
    if (sum <= PERCENT_MAX) continue;
    const message = `the shares come to ${sum} percent, more than ${PERCENT_MAX}`;
    context.problem([...at, "targets"], message, "lower some; what is left goes to the other values");
  }
}
