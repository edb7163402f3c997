/** Node pools and datacenters as constraints: what a job asks of where a node stands. */
import { ALL_POOLS, DEFAULT_POOL, type JobSpec } from "../../model/job.ts";
import type { NodeConstraint } from "./constraint.ts";

/** The attribute that `node_pool` judges. */
export const POOL_ATTRIBUTE = "node.pool";
const DATACENTER_ATTRIBUTE = "node.datacenter";
const ANY = "*";

/** What most jobs ask for; the same object for all of them. */
export const DEFAULT_POOL_WISH: NodeConstraint = poolWish(DEFAULT_POOL);
const DEFAULT_ONLY: readonly NodeConstraint[] = [DEFAULT_POOL_WISH];

type Placed = Pick<JobSpec, "datacenters" | "nodePool">;

/** As in Nomad: a job that names no pool keeps to the default one, one without datacenters runs in any. */
export function placementConstraints({
  datacenters,
  nodePool = DEFAULT_POOL,
}: Placed): readonly NodeConstraint[] {
  const pool = nodePool === DEFAULT_POOL ? DEFAULT_ONLY : nodePool === ALL_POOLS ? [] : [poolWish(nodePool)];
  if (datacenters === undefined || datacenters.includes(ANY)) return pool;
  return [...pool, datacenterWish(datacenters)];
}

/** A pattern of RE2 for names with `*` in them. */
export function globPattern(globs: readonly string[]): string {
  const alternatives = globs.map((glob) => glob.split(ANY).map(quoteText).join(".*"));
  return `^(?:${alternatives.join("|")})$`;
}

function poolWish(name: string): NodeConstraint {
  return { attribute: POOL_ATTRIBUTE, operator: "=", value: name, wording: `node_pool ${name}` };
}

function datacenterWish(datacenters: readonly string[]): NodeConstraint {
  const wording = `datacenters ${datacenters.join(", ")}`;
  const attribute = DATACENTER_ATTRIBUTE;
  // Names have no comma in them.
  const isPlain = datacenters.every((name) => !name.includes(ANY));
  if (isPlain) return { attribute, operator: "set_contains_any", value: datacenters.join(","), wording };
  return { attribute, operator: "regexp", value: globPattern(datacenters), wording };
}

function quoteText(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]/gu, (sign) => `\\${sign}`);
}
