/** A node says what it is, at each start and when that changes. */
import { canonicalText } from "../../canonical.ts";
import type { NodeFacts, NodeRecord } from "../../model/node.ts";
import type { Change } from "../change.ts";
import type { CommandOutcome, RegisterNode } from "../command.ts";
import { raiseSystemJobs, wakeFitting } from "./evaluations.ts";

export function registerNode(change: Change, command: RegisterNode): CommandOutcome {
  const { node: facts } = command;
  if (facts.region !== change.history.regionId) {
    const message = `node ${facts.id} is of region ${facts.region}, this is ${change.history.regionId}`;
    return { ok: false, code: "conflict", message };
  }
  const held = change.tables.node(facts.id);
  if (held !== undefined && facts.incarnation < held.incarnation) {
    const message =
      `node ${facts.id} returned with incarnation ${facts.incarnation} after ${held.incarnation}: ` +
      "its data directory is a copy or an old backup";
    return { ok: false, code: "conflict", message };
  }
  if (held !== undefined && isSame(held, facts)) return { ok: true };
  const node: NodeRecord = {
    ...facts,
    // Down or unknown until now: it has just spoken. An operator's drain outlasts a restart.
    status: held?.status === "draining" ? "draining" : "ready",
    eligible: held?.eligible ?? true,
    ...(held?.reported === undefined ? {} : { reported: held.reported }),
    createIndex: held?.createIndex ?? change.index,
    modifyIndex: change.index,
    registeredAtMs: change.atMs,
  };
  change.putNode(
    node,
    "NodeRegistered",
    `node ${facts.name} ${held === undefined ? "joined" : "registered again"}`,
  );
  raiseSystemJobs(change);
  wakeFitting(change, node.id);
  return { ok: true };
}

/** Also false for a node that is not ready: it has to be written as ready. */
function isSame(held: NodeRecord, facts: NodeFacts): boolean {
  const { createIndex: _c, eligible: _e, modifyIndex: _m, registeredAtMs: _r, ...rest } = held;
  const { reported: _b, status, ...known } = rest;
  if (status === "down" || status === "unknown") return false;
  return canonicalText(known) === canonicalText(facts);
}
