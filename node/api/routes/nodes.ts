import type { FastifyPluginCallback } from "fastify";
import type { LedgerView, NodeId, NodeRecord } from "../../../federation/index.ts";
import type { ApiContext, TypeBoxProvider } from "../context.ts";
import { type Listing, page } from "../lists/page.ts";
import { type Collection, resolveId } from "../lists/prefix.ts";
import { read } from "../read.ts";
import { nodeRow, type Rows } from "../rows/rows.ts";
import { answers, IdParams, ListQuery, ReadQuery } from "../schemas/common.ts";
import { NodeList, NodeRow } from "../schemas/node.ts";

export const nodeRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/nodes",
    {
      schema: { querystring: ListQuery, response: answers(NodeList) },
      config: { operationId: "listNodes", summary: "Nodes of the region" },
    },
    async (request, reply) => page(nodeListing(await read(context, request, reply)), request.query),
  );
  routes.get(
    "/v1/nodes/:id",
    {
      schema: { params: IdParams, querystring: ReadQuery, response: answers(NodeRow) },
      config: { operationId: "getNode", summary: "One node" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      return nodeRow(rows, resolveId(nodesOf(rows.ledger), request.params.id));
    },
  );
  done();
};

function nodeListing(rows: Rows): Listing<NodeRecord, NodeRow> {
  return {
    name: "nodes",
    things: rows.ledger.nodes(),
    major: ({ id }) => id,
    minor: () => "",
    schema: NodeRow,
    toRow: (node) => nodeRow(rows, node),
  };
}

function nodesOf(ledger: LedgerView): Collection<NodeRecord> {
  return {
    noun: "node",
    find: (id) => ledger.node(id as NodeId),
    all: () => ledger.nodes(),
    label: ({ name, status }) => `${name}, ${status}`,
  };
}
