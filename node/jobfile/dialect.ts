/** Job files of other systems, named at once: twenty unknown fields would say less. */
import type { Tree } from "./text/tree.ts";

export interface Foreign {
  readonly message: string;
  readonly hint: string;
}

const HINT = "write the job in this project's own form: docs/job-file.md shows each field beside Nomad's";

// Comments and blank lines, then the first block. No two parts can match the same character: linear.
const HCL =
  /^(?:[\t ]*(?:(?:#|\/\/)[^\n]*)?\r?\n)*[\t ]*(?:job|variable|locals)[\t ]*(?:"[^"\n]*"[\t ]*)?\{/u;

/** A text that is not YAML at all but Nomad's HCL. */
export function foreignText(text: string): Foreign | undefined {
  if (!HCL.test(text.slice(0, 4_096))) return undefined;
  return { message: "not supported yet: Nomad's HCL", hint: HINT };
}

export function foreignTree(tree: Tree): Foreign | undefined {
  if (tree.kind !== "map") return undefined;
  const keys = tree.entries;
  if (keys.has("job")) return undefined;
  if (keys.has("Job") || keys.has("TaskGroups")) {
    return { message: "not supported yet: Nomad's JSON", hint: HINT };
  }
  if (keys.has("apiVersion") && keys.has("kind")) {
    return { message: "not supported yet: Kubernetes manifests", hint: HINT };
  }
  if (keys.has("services") && !keys.has("groups")) {
    return { message: "not supported yet: Compose files", hint: HINT };
  }
  return undefined;
}
