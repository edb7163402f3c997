import { Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyPluginCallback } from "fastify";
import type { ApiContext, TypeBoxProvider } from "../context.ts";
import { markRead, read } from "../read.ts";
import { type LedgerSummary, summarize } from "../rows/ledger-summary.ts";
import { statusRow } from "../rows/rows.ts";
import { answers, Query, ReadQuery } from "../schemas/common.ts";
import { DoctorList, HealthRow, ShutdownAccepted, ShutdownBody, StatusRow } from "../schemas/system.ts";

export const systemRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  stateRoutes(app, context);
  figureRoutes(app, context);
  app.withTypeProvider<TypeBoxProvider>().post(
    "/v1/shutdown",
    {
      schema: { querystring: Query({}), body: ShutdownBody, response: answers(ShutdownAccepted, 202) },
      config: { operationId: "shutDown", summary: "Stop this peer once this is answered" },
    },
    (request, reply) => {
      const { tasks } = request.body;
      // Once the answer is out, or nobody waits for it: the peer takes its API down with it.
      reply.raw.once("close", () => context.service.requestStop({ tasks }));
      void reply.code(202).send({ stopping: true });
    },
  );
  done();
};

function stateRoutes(app: FastifyInstance, context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const summaryOf = summaryKeeper(context);
  routes.get(
    "/v1/health",
    {
      schema: { querystring: Query({}), response: answers(HealthRow) },
      config: {
        operationId: "getHealth",
        summary: "Whether this peer answers; needs no token",
        isPublic: true,
      },
    },
    (_request, reply) => {
      const { stopping, version } = context.service.status();
      void reply.send({ status: stopping ? "stopping" : "ok", version });
    },
  );
  routes.get(
    "/v1/status",
    {
      schema: { querystring: ReadQuery, response: answers(StatusRow) },
      config: { operationId: "getStatus", summary: "This peer and its region in a few numbers" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      return statusRow(rows, summaryOf());
    },
  );
  routes.get(
    "/v1/doctor",
    {
      schema: { querystring: Query({}), response: answers(DoctorList) },
      config: { operationId: "getDoctor", summary: "What is wrong or soon will be, and what to do" },
    },
    async (_request, reply) => {
      markRead(context, reply, "local");
      return { items: [...(await context.service.doctor())] };
    },
  );
}

/** Counting everything takes time with the ledger's size: done once for each of its indexes. */
function summaryKeeper(context: ApiContext): () => LedgerSummary {
  let known: { readonly index: number; readonly summary: LedgerSummary } | undefined;
  return () => {
    const { ledger } = context.service;
    if (known?.index !== ledger.index) known = { index: ledger.index, summary: summarize(ledger) };
    return known.summary;
  };
}

function figureRoutes(app: FastifyInstance, context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/metrics",
    {
      schema: { querystring: Query({}), response: answers(Type.String({ description: "Prometheus text" })) },
      config: { operationId: "getMetrics", summary: "Figures for Prometheus", answerType: "text/plain" },
    },
    async (_request, reply) => {
      markRead(context, reply, "local");
      void reply.type("text/plain; version=0.0.4; charset=utf-8");
      const own = context.metrics.text({ stream: context.streams.count, wait: context.waits.count });
      return `${await context.service.metrics()}${own}`;
    },
  );
  routes.get(
    "/v1/openapi.json",
    {
      schema: { querystring: Query({}), response: answers(Type.Record(Type.String(), Type.Unknown())) },
      config: { operationId: "getOpenApi", summary: "This document" },
    },
    (_request, reply) => {
      void reply.send({ ...context.openApi() });
    },
  );
}
