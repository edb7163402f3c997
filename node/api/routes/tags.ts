/** Names of a job's versions. */

import { Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyPluginCallback } from "fastify";
import type { JobId, JobRecord } from "../../../federation/index.ts";
import type { TagWish } from "../../authority/adjustments.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { type Listing, page } from "../lists/page.ts";
import { read } from "../read.ts";
import { receiptRow, tagRows } from "../rows/rows.ts";
import { answers, JobParams, listQuery, Name, namespaceQuery, Query } from "../schemas/common.ts";
import { ReceiptRow, submitQuery, TagBody, TagList, TagRow } from "../schemas/job.ts";
import { findRecord } from "./job-changes.ts";
import { submitOptions } from "./submissions.ts";

const TagParams = Type.Object({ id: JobParams.properties.id, name: Type.String({ ...Name }) });

export const tagRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/jobs/:id/tags",
    {
      schema: {
        params: JobParams,
        querystring: Query({ ...listQuery, ...namespaceQuery }),
        response: answers(TagList),
      },
      config: { operationId: "listJobTags", summary: "Names of a job's versions" },
    },
    async (request, reply) => {
      await read(context, request, reply);
      const job = findRecord(context, request.query.namespace, request.params.id);
      return page(tagListing(job), request.query);
    },
  );
  changeRoutes(app, context);
  done();
};

function changeRoutes(app: FastifyInstance, context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const querystring = Query(submitQuery);
  const change = async (
    wish: Omit<TagWish, "namespace">,
    query: { namespace?: string; check_index?: number },
  ) => {
    const { namespace = NAMESPACE_DEFAULT, check_index } = query;
    return receiptRow(await context.service.tagJob({ ...wish, namespace }, submitOptions(check_index)), []);
  };
  routes.put(
    "/v1/jobs/:id/tags/:name",
    {
      schema: { params: TagParams, querystring, body: TagBody, response: answers(ReceiptRow) },
      config: { operationId: "tagJob", summary: "Give a name to a version of a job; the version is kept" },
    },
    async ({ body, params, query }) => change({ ...body, job: params.id as JobId, name: params.name }, query),
  );
  routes.delete(
    "/v1/jobs/:id/tags/:name",
    {
      schema: { params: TagParams, querystring, response: answers(ReceiptRow) },
      config: { operationId: "untagJob", summary: "Take a name from a version of a job" },
    },
    async ({ params, query }) => change({ job: params.id as JobId, name: params.name, remove: true }, query),
  );
}

function tagListing(job: JobRecord): Listing<TagRow, TagRow> {
  return {
    name: "tags",
    things: tagRows(job),
    major: ({ name }) => name,
    minor: () => "",
    schema: TagRow,
    toRow: (tag) => tag,
  };
}
