/** Which attributes of nodes a job file may name. */
import { nearest } from "../../../federation/index.ts";
import { quote } from "../findings.ts";

interface AttributeProblem {
  readonly message: string;
  readonly hint: string;
}

const NODE_ATTRIBUTES = [
  "node.unique.id",
  "node.unique.name",
  "node.region",
  "node.datacenter",
  "node.zone",
  "node.pool",
  "node.version",
] as const;

const USE_META = "set it with `peer start --meta KEY=VALUE` and write meta.KEY";

const LATER: Readonly<Record<string, string>> = {
  "node.class": USE_META,
};

/** Nomad's fingerprints under the names that they have here. */
const NOMAD_NAMES: Readonly<Record<string, string>> = {
  "attr.cpu.arch": "attr.arch",
  "attr.kernel.name": "attr.os",
  "attr.os.name": "attr.os",
  "attr.kernel.version": "attr.os.version",
  "attr.cpu.numcores": "attr.cpu.count",
  "attr.cpu.modelname": "attr.cpu.model",
  "attr.memory.totalbytes": "attr.memory.bytes",
  "attr.nomad.version": "attr.peer.version",
};

/** What is wrong with a canonical name, if anything. Which keys of `attr` and `meta` exist, nodes say. */
export function attributeProblem(attribute: string): AttributeProblem | undefined {
  const [space = ""] = attribute.split(".", 1);
  if (space === "meta" || space === "driver") return undefined;
  if (space === "attr") {
    const meant = Object.hasOwn(NOMAD_NAMES, attribute) ? NOMAD_NAMES[attribute] : undefined;
    if (meant === undefined) return undefined;
    return { message: `Nomad's ${attribute} is called ${meant} here`, hint: `write "${meant}"` };
  }
  if (space === "label") return { message: `not supported yet: ${quote(attribute)}`, hint: USE_META };
  if (space === "node") return nodeProblem(attribute);
  const message = `${quote(attribute)} is no attribute: those start with attr, driver, meta or node`;
  return { message, hint: "`peer node show` lists what nodes have: attr.NAME, driver.NAME, meta.KEY" };
}

function nodeProblem(attribute: string): AttributeProblem | undefined {
  if (NODE_ATTRIBUTES.some((known) => known === attribute)) return undefined;
  if (Object.hasOwn(LATER, attribute)) {
    return { message: `not supported yet: ${attribute}`, hint: LATER[attribute] ?? USE_META };
  }
  const guess = nearest(attribute, NODE_ATTRIBUTES);
  const meant = guess === undefined ? "" : `; did you mean ${guess}?`;
  return {
    message: `there is no ${quote(attribute)}${meant}`,
    hint: `there is ${NODE_ATTRIBUTES.join(", ")}`,
  };
}
