/** What constraints, affinities and spreads may ask of a node, by the names that Nomad gives it. */
import { DEFAULT_DATACENTER, DEFAULT_POOL } from "../../model/job.ts";
import type { NodeFacts } from "../../model/node.ts";

/**
 * The value of `attr.NAME`, `meta.NAME`, `driver.NAME[.KEY]` or one of the `node.` names, also inside `${…}`;
 * undefined when the node has none. `attr.os` and `attr.arch` are what the node registered with.
 */
export function nodeAttribute(node: NodeFacts, name: string): string | undefined {
  const target = attributeName(name);
  const dot = target.indexOf(".");
  const key = target.slice(dot + 1);
  switch (target.slice(0, Math.max(0, dot))) {
    case "attr":
      return own(node.attributes, key) ?? registered(node, key);
    case "meta":
      return own(node.meta, key);
    case "driver":
      return driverValue(node, key);
    case "node":
      return nodeValue(node, key);
    default:
      return undefined;
  }
}

/** The name without `${` and `}`. */
export function attributeName(name: string): string {
  return isReference(name) ? name.slice(2, -1).trim() : name;
}

/** Stands for an attribute of the node, where a value is asked for. */
export function isReference(text: string): boolean {
  return text.startsWith("${") && text.endsWith("}");
}

function registered(node: NodeFacts, key: string): string | undefined {
  if (key === "os") return node.os;
  if (key === "arch") return node.arch;
  return undefined;
}

function driverValue(node: NodeFacts, key: string): string | undefined {
  // A driver's name may have a dot in it, its attributes' names too: the longest driver wins.
  const names = Object.keys(node.drivers).filter((name) => key === name || key.startsWith(`${name}.`));
  const name = names.reduce((longest, each) => (each.length > longest.length ? each : longest), "");
  const driver = own(node.drivers, name);
  if (driver?.detected !== true) return undefined;
  if (key === name) return driver.healthy ? "healthy" : "unhealthy";
  return own(driver.attributes, key.slice(name.length + 1));
}

function nodeValue(node: NodeFacts, key: string): string | undefined {
  switch (key) {
    case "unique.id":
      return node.id;
    case "unique.name":
      return node.name;
    case "region":
      return node.region;
    case "version":
      return node.version;
    case "pool":
      return node.pool ?? DEFAULT_POOL;
    case "datacenter":
      return node.datacenter ?? DEFAULT_DATACENTER;
    case "zone":
      return node.zone;
    default:
      return undefined;
  }
}

function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
