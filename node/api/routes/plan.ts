import type { FastifyPluginCallback } from "fastify";
import { previewJob } from "../../../federation/index.ts";
import type { ApiContext, TypeBoxProvider } from "../context.ts";
import { planRow } from "../rows/plan-row.ts";
import { answers, JobParams, Query } from "../schemas/common.ts";
import { JobFile } from "../schemas/job.ts";
import { PlanRow, planQuery } from "../schemas/plan.ts";
import { JOB_BYTES_MAX, jobOfRequest, takeJobTexts, YAML_TYPES } from "./submissions.ts";

/** The same question gets the same answer, as long as the ledger stays as it is. */
const SEED = 0;

export const planRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  takeJobTexts(app);
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const querystring = Query(planQuery);
  const body = { body: JobFile, bodyTypes: YAML_TYPES };
  const summary = "What submitting a job would change, and where its instances would go";
  routes.post(
    "/v1/jobs/:id/plan",
    {
      bodyLimit: JOB_BYTES_MAX,
      schema: { params: JobParams, querystring, response: answers(PlanRow) },
      config: { operationId: "planJob", summary, ...body },
    },
    async (request) => plan(context, request.body, request.query, request.params.id),
  );
  routes.post(
    "/v1/plan",
    {
      bodyLimit: JOB_BYTES_MAX,
      schema: { querystring, response: answers(PlanRow) },
      config: { operationId: "planJobFile", summary: `${summary}, under the id of the file`, ...body },
    },
    async (request) => plan(context, request.body, request.query, undefined),
  );
  done();
};

function plan(
  context: ApiContext,
  body: unknown,
  query: { readonly namespace?: string; readonly explain?: boolean },
  id: string | undefined,
): PlanRow {
  const { spec, warnings } = jobOfRequest(context, body, query, id);
  const { ledger } = context.service;
  const preview = previewJob(ledger, spec, {
    seed: SEED,
    nowMs: context.clock.wall(),
    explain: query.explain === true,
  });
  const write = (one: typeof spec) => context.jobFormat.formatJobFile(one);
  return planRow({ ledger, spec, preview, warnings, write });
}
