import type { FastifyPluginCallback } from "fastify";
import { PeerError } from "../../../federation/index.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { page } from "../lists/page.ts";
import { read } from "../read.ts";
import { serviceKey, serviceRows } from "../rows/rows.ts";
import { answers, listQuery, NameParams, namespaceQuery, Query, readQuery } from "../schemas/common.ts";
import { ServiceList, ServiceRow } from "../schemas/service.ts";

export const serviceRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/services",
    {
      schema: { querystring: Query({ ...listQuery, ...namespaceQuery }), response: answers(ServiceList) },
      config: {
        operationId: "listServices",
        summary: "Services that jobs offer, with their running instances",
      },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      const list = {
        name: "services",
        things: serviceRows(rows, request.query.namespace),
        major: ({ namespace, name }: ServiceRow) => serviceKey(namespace, name),
        minor: () => "",
        schema: ServiceRow,
        toRow: (row: ServiceRow) => row,
      };
      return page(list, request.query);
    },
  );
  routes.get(
    "/v1/services/:name",
    {
      schema: {
        params: NameParams,
        querystring: Query({ ...readQuery, ...namespaceQuery }),
        response: answers(ServiceRow),
      },
      config: { operationId: "getService", summary: "One service" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      const { namespace = NAMESPACE_DEFAULT } = request.query;
      const { name } = request.params;
      const found = serviceRows(rows, namespace).find((service) => service.name === name);
      if (found !== undefined) return found;
      throw new PeerError("not_found", `no running service "${name}" in namespace "${namespace}"`);
    },
  );
  done();
};
