import type { FastifyPluginCallback } from "fastify";
import type { Evaluation, EvaluationId, JobId, LedgerView } from "../../../federation/index.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { type Listing, page } from "../lists/page.ts";
import { type Collection, resolveId } from "../lists/prefix.ts";
import { read } from "../read.ts";
import { evaluationRow } from "../rows/rows.ts";
import { answers, IdParams, jobQuery, listQuery, Query, ReadQuery } from "../schemas/common.ts";
import { EvaluationList, EvaluationRow } from "../schemas/evaluation.ts";

export const evaluationRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/evaluations",
    {
      schema: { querystring: Query({ ...listQuery, ...jobQuery }), response: answers(EvaluationList) },
      config: { operationId: "listEvaluations", summary: "Evaluations, of all jobs or one" },
    },
    async (request, reply) => {
      const { job, namespace } = request.query;
      const { ledger } = await read(context, request, reply);
      const evaluations =
        job === undefined
          ? ledger.evaluations().filter((one) => namespace === undefined || one.namespace === namespace)
          : ledger.evaluationsOfJob(namespace ?? NAMESPACE_DEFAULT, job as JobId);
      return page(evaluationListing(evaluations), request.query);
    },
  );
  routes.get(
    "/v1/evaluations/:id",
    {
      schema: { params: IdParams, querystring: ReadQuery, response: answers(EvaluationRow) },
      config: { operationId: "getEvaluation", summary: "One evaluation, with what was refused and why" },
    },
    async (request, reply) => {
      const { ledger } = await read(context, request, reply);
      return evaluationRow(resolveId(evaluationsOf(ledger), request.params.id));
    },
  );
  done();
};

function evaluationListing(evaluations: readonly Evaluation[]): Listing<Evaluation, EvaluationRow> {
  return {
    name: "evaluations",
    things: byCreation(evaluations),
    major: ({ createIndex }) => createIndex,
    minor: ({ id }) => id,
    schema: EvaluationRow,
    toRow: evaluationRow,
  };
}

/** The ledger promises no order of evaluations. */
export function byCreation(evaluations: readonly Evaluation[]): readonly Evaluation[] {
  return evaluations.toSorted((left, right) => left.createIndex - right.createIndex);
}

function evaluationsOf(ledger: LedgerView): Collection<Evaluation> {
  return {
    noun: "evaluation",
    find: (id) => ledger.evaluation(id as EvaluationId),
    all: () => ledger.evaluations(),
    label: ({ job, trigger, status }) => `job ${job}, ${trigger}, ${status}`,
  };
}
