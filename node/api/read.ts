/** Reads tell where they come from, how old they are, and the cursor from which to wait for news (S23). */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ApiContext } from "./context.ts";
import type { Rows } from "./rows/rows.ts";
import type { ReadQuery } from "./schemas/common.ts";

/** `ledger`: what the authority decided, as far as this peer holds it. `local`: of this peer alone. */
export type ReadSource = "ledger" | "local";

/**
 * Waits for news if the query asks for it. What is made from these rows must be made before anything is
 * awaited.
 */
export async function read(
  context: ApiContext,
  request: FastifyRequest<{ Querystring: ReadQuery }>,
  reply: FastifyReply,
): Promise<Rows> {
  await context.waits.block(request.query, request, reply);
  if (request.query.consistent === true) await context.service.confirm();
  markRead(context, reply, "ledger");
  return context.rows();
}

export function markRead(context: ApiContext, reply: FastifyReply, source: ReadSource): void {
  void reply.headers({
    "x-peer-source": source,
    "x-peer-as-of": "0",
    "x-peer-index": context.service.ledgerCursor(),
  });
}
