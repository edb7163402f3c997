/** What `peer doctor` can tell without a peer: whether this machine can be one. */
import type { DoctorRow } from "../api/index.ts";

const NODE_PREFERRED_MAJOR = 24;

export async function localChecks(): Promise<readonly DoctorRow[]> {
  return [nodeVersion()];
}

function nodeVersion(): DoctorRow {
  const version = process.versions.node;
  const old = Number(version.split(".")[0]) < NODE_PREFERRED_MAJOR;
  return {
    name: "node",
    state: old ? "warning" : "ok",
    message: `Node ${version}`,
    ...(old ? { hint: `Node ${NODE_PREFERRED_MAJOR} starts faster and uses less memory` } : {}),
  };
}
