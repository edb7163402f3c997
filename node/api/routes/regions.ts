import type { FastifyPluginCallback } from "fastify";
import type { ApiContext, TypeBoxProvider } from "../context.ts";
import { page } from "../lists/page.ts";
import { read } from "../read.ts";
import { regionRow } from "../rows/rows.ts";
import { answers, ListQuery } from "../schemas/common.ts";
import { RegionList, RegionRow } from "../schemas/node.ts";

export const regionRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  app.withTypeProvider<TypeBoxProvider>().get(
    "/v1/regions",
    {
      schema: { querystring: ListQuery, response: answers(RegionList) },
      config: { operationId: "listRegions", summary: "Regions that this peer knows" },
    },
    async (request, reply) => {
      const { status } = await read(context, request, reply);
      const list = {
        name: "regions",
        things: [regionRow(status)],
        major: ({ id }: RegionRow) => id,
        minor: () => "",
        schema: RegionRow,
        toRow: (row: RegionRow) => row,
      };
      return page(list, request.query);
    },
  );
  done();
};
