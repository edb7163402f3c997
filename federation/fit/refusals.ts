/**
 * The hard filters, one function each: why a node can't take an instance. The scheduler asks them of its
 * columns and the ledger, when it checks a plan again, of its rows, so that the two can't disagree.
 * Undefined: the node passes; else the reason under which it is counted, few texts and no numbers of the
 * node's.
 */
import type { Allocation } from "../model/allocation.ts";
import { NAME_LENGTH_MAX } from "../model/ids.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { NodeRecord } from "../model/node.ts";
import type { NodeConstraint } from "./constraint/constraint.ts";
import { constraintText } from "./constraint/operator.ts";

/** Longer constraints are cut where they are counted. */
const REASON_LENGTH_MAX = 200;

export type Amount = "cpu" | "memory" | "disk";

export function statusRefusal({ status }: Pick<NodeRecord, "status">): string | undefined {
  return status === "ready" ? undefined : `node ${status}`;
}

export function eligibilityRefusal({ eligible }: Pick<NodeRecord, "eligible">): string | undefined {
  return eligible ? undefined : "node not eligible";
}

export function driverRefusal({ drivers }: Pick<NodeRecord, "drivers">, driver: string): string | undefined {
  const facts = Object.hasOwn(drivers, driver) ? drivers[driver] : undefined;
  if (facts?.detected === true && facts.healthy) return undefined;
  const name = driver.slice(0, NAME_LENGTH_MAX);
  return facts?.detected === true ? `driver ${name} unhealthy` : `driver ${name} missing`;
}

/** The reason against nodes that do not satisfy it. */
export function constraintReason(constraint: NodeConstraint): string {
  const text = constraint.wording ?? `constraint ${constraintText(constraint)}`;
  return text.slice(0, REASON_LENGTH_MAX);
}

/**
 * A node may have shrunk below what it holds: then nothing fits, not even a demand of 0. But a machine's disk
 * fills up by itself, too: that is no reason against what reserves none of it.
 */
export function amountRefusal(kind: Amount, wanted: number, free: number): string | undefined {
  if (kind === "disk" && wanted <= 0) return undefined;
  return wanted <= free ? undefined : kind;
}

/** Free ones that nobody reserved. */
export function coresRefusal(wanted: number, free: number): string | undefined {
  return wanted <= free ? undefined : "cores";
}

export function portReason(port: number): string {
  return `port ${port}`;
}

export function dynamicPortsRefusal(wanted: number, free: number): string | undefined {
  return wanted <= free ? undefined : "dynamic ports";
}

/** `others`: instances that the wish counts and that are on the node. */
export function distinctHostsRefusal(others: number): string | undefined {
  return others === 0 ? undefined : "distinct_hosts";
}

/** `others`: those on nodes with the same value; `hasValue`: the node has one at all. */
export function distinctPropertyRefusal(
  { attribute, limit }: { readonly attribute: string; readonly limit: number },
  hasValue: boolean,
  others: number,
): string | undefined {
  if (!isPropertyUsedUp(limit, hasValue, others)) return undefined;
  return `distinct_property ${attribute}`.slice(0, REASON_LENGTH_MAX);
}

export function isPropertyUsedUp(limit: number, hasValue: boolean, others: number): boolean {
  return !hasValue || others >= limit;
}

/** What is on its way out counts no more among a job's instances. */
export function isCounted({ desired, status }: Pick<Allocation, "desired" | "status">): boolean {
  return desired === "run" && !isAllocationEnded(status);
}
