/** What Nomad's constraint operators say of two texts (scheduler/feasible.go, `checkConstraint`). */
import { RE2JS, RE2JSException } from "re2js";
import { unreachable } from "../../invariant.ts";
import type { Constraint, ConstraintOperator } from "../../model/job.ts";
import { attributeName, isReference } from "./attribute.ts";
import { parseVersionWish } from "./version.ts";

/** Whether a node whose attribute has this value is asked for; undefined stands for a node without it. */
export type Matcher = (value: string | undefined) => boolean;

/** Operators that look at a node alone; the distinct ones look at where a job's instances are. */
export type NodeOperator = Exclude<ConstraintOperator, "distinct_hosts" | "distinct_property">;

export const PATTERN_LENGTH_MAX = 1_024;
/** More digits than these are compared as floating point numbers. */
const INTEGER_DIGITS_MAX = 18;
const INTEGER = new RegExp(`^[+-]?\\d{1,${INTEGER_DIGITS_MAX}}$`);
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const FALSE_TEXTS: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/**
 * A node without the attribute satisfies `!=` and `is_not_set`, and nothing else. What can't be parsed as its
 * operator asks matches no node; `constraintProblem` says so beforehand. `wanted` is undefined when it stands
 * for an attribute that the node does not have.
 */
export function matcherOf(operator: NodeOperator, wanted: string | undefined): Matcher {
  if (operator === "is_set") return (value) => value !== undefined;
  if (operator === "is_not_set") return (value) => value === undefined;
  if (operator === "!=") return (value) => value !== wanted;
  if (wanted === undefined) return () => false;
  const judge = judgeOf(operator, wanted);
  return (value) => value !== undefined && judge(value);
}

function judgeOf(
  operator: Exclude<NodeOperator, "is_set" | "is_not_set" | "!=">,
  wanted: string,
): (value: string) => boolean {
  switch (operator) {
    case "=":
      return (value) => value === wanted;
    case "<":
      return (value) => compareValues(value, wanted) < 0;
    case "<=":
      return (value) => compareValues(value, wanted) <= 0;
    case ">":
      return (value) => compareValues(value, wanted) > 0;
    case ">=":
      return (value) => compareValues(value, wanted) >= 0;
    case "regexp": {
      const pattern = compilePattern(wanted);
      return typeof pattern === "string" ? () => false : (value) => pattern.matcher(value).find();
    }
    case "version":
    case "semver":
      return parseVersionWish(wanted, operator) ?? (() => false);
    case "set_contains": {
      const items = [...itemsOf(wanted)];
      return (value) => {
        const held = itemsOf(value);
        return items.every((item) => held.has(item));
      };
    }
    case "set_contains_any": {
      const items = [...itemsOf(wanted)];
      return (value) => {
        const held = itemsOf(value);
        return items.some((item) => held.has(item));
      };
    }
    default:
      return unreachable(operator);
  }
}

/** What is wrong with a constraint or affinity, for its author; undefined when nothing is. */
export function constraintProblem({ attribute, operator, value }: Constraint): string | undefined {
  if (operator !== "distinct_hosts" && attribute === "") return `operator ${operator} needs an attribute`;
  if (isReference(value)) return undefined;
  switch (operator) {
    case "regexp": {
      const pattern = compilePattern(value);
      return typeof pattern === "string" ? pattern : undefined;
    }
    case "version":
    case "semver":
      if (parseVersionWish(value, operator) !== undefined) return undefined;
      return `${value} is no ${operator} constraint: write one such as ">= 1.2, < 2.0"`;
    case "distinct_property":
      if (propertyLimit(value) !== undefined) return undefined;
      return `${value} is no count: write how many instances may share the value, 1 or more`;
    default:
      return undefined;
  }
}

/** Instances that may share one value of a `distinct_property`: 1 when it is left out. */
export function propertyLimit(value: string): number | undefined {
  if (value === "") return 1;
  const limit = /^\d+$/.test(value) ? Number(value) : 0;
  return limit >= 1 && Number.isSafeInteger(limit) ? limit : undefined;
}

/** `distinct_hosts` is switched off by a value that Go reads as false, and by no other. */
export function isDistinctHosts(value: string): boolean {
  return !FALSE_TEXTS.has(value);
}

/** As people write it: `attr.arch = arm`. */
export function constraintText({ attribute, operator, value }: Constraint): string {
  return [attributeName(attribute), operator, value].filter((part) => part !== "").join(" ");
}

/** The pattern, which matches in linear time (RE2), or what is wrong with the text. */
function compilePattern(text: string): RE2JS | string {
  if (text.length > PATTERN_LENGTH_MAX) return `a pattern has at most ${PATTERN_LENGTH_MAX} characters`;
  try {
    return RE2JS.compile(text);
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    return `${text} is no regular expression (RE2): ${cause.message}`;
  }
}

/** By number where both are numbers, else letter by letter. */
function compareValues(left: string, right: string): number {
  if (INTEGER.test(left) && INTEGER.test(right)) {
    const [first, second] = [BigInt(left.replace("+", "")), BigInt(right.replace("+", ""))];
    return first < second ? -1 : Number(first > second);
  }
  if (FLOAT.test(left) && FLOAT.test(right)) return Number(left) - Number(right);
  return left < right ? -1 : Number(left > right);
}

function itemsOf(list: string): ReadonlySet<string> {
  return new Set(list.split(",").map((item) => item.trim()));
}
