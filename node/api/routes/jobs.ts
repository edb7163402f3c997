import type { FastifyPluginCallback } from "fastify";
import {
  type AdmittedVersion,
  explainJob,
  type JobId,
  type JobRecord,
  PeerError,
} from "../../../federation/index.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { type Listing, page } from "../lists/page.ts";
import { read } from "../read.ts";
import { explainedGroupRow } from "../rows/explanation-row.ts";
import { allocationRow, evaluationRow, jobRow, type Rows, versionRow } from "../rows/rows.ts";
import { AllocationList } from "../schemas/allocation.ts";
import { answers, JobParams, listQuery, namespaceQuery, Query, readQuery } from "../schemas/common.ts";
import { ExplanationRow } from "../schemas/explanation.ts";
import { JobDetailRow, JobList, JobRow, listJobsQuery, VersionList, VersionRow } from "../schemas/job.ts";
import { allocationListing } from "./allocations.ts";
import { byCreation } from "./evaluations.ts";

const DETAIL_EVALUATIONS_MAX = 10;
const DETAIL_ALLOCATIONS_MAX = 1000;

export const jobRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/jobs",
    {
      schema: { querystring: Query({ ...listQuery, ...listJobsQuery }), response: answers(JobList) },
      config: { operationId: "listJobs", summary: "Jobs of all namespaces, or one" },
    },
    async (request, reply) => {
      const { namespace, prefix = "" } = request.query;
      const rows = await read(context, request, reply);
      const jobs = rows.ledger
        .jobs()
        .filter((job) => job.id.startsWith(prefix) && (namespace ?? job.namespace) === job.namespace);
      return page(jobListing(rows, jobs), request.query);
    },
  );
  routes.get(
    "/v1/jobs/:id",
    {
      schema: {
        params: JobParams,
        querystring: Query({ ...readQuery, ...namespaceQuery }),
        response: answers(JobDetailRow),
      },
      config: { operationId: "getJob", summary: "One job, with its spec, evaluations and allocations" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      return jobDetail(context, rows, findJob(rows, request.query.namespace, request.params.id));
    },
  );
  jobPartRoutes(app, context);
  explainRoute(app, context);
  done();
};

function jobPartRoutes(app: Parameters<typeof jobRoutes>[0], context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const querystring = Query({ ...listQuery, ...namespaceQuery });
  routes.get(
    "/v1/jobs/:id/allocations",
    {
      schema: { params: JobParams, querystring, response: answers(AllocationList) },
      config: { operationId: "listJobAllocations", summary: "All allocations of a job, ended ones too" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      const job = findJob(rows, request.query.namespace, request.params.id);
      return page(
        allocationListing(rows, rows.ledger.allocationsOfJob(job.namespace, job.id)),
        request.query,
      );
    },
  );
  routes.get(
    "/v1/jobs/:id/versions",
    {
      schema: { params: JobParams, querystring, response: answers(VersionList) },
      config: { operationId: "listJobVersions", summary: "Versions of a job that are kept, oldest first" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      const job = findJob(rows, request.query.namespace, request.params.id);
      return page(versionListing(context, job), request.query);
    },
  );
}

function explainRoute(app: Parameters<typeof jobRoutes>[0], context: ApiContext): void {
  app.withTypeProvider<TypeBoxProvider>().get(
    "/v1/jobs/:id/explain",
    {
      schema: {
        params: JobParams,
        querystring: Query({ ...readQuery, ...namespaceQuery }),
        response: answers(ExplanationRow),
      },
      config: { operationId: "explainJob", summary: "What each node is to one more instance, and why" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      const { id, namespace } = findJob(rows, request.query.namespace, request.params.id);
      const groups = explainJob(rows.ledger, namespace, id)?.groups ?? [];
      return { job: id, namespace, groups: groups.map(explainedGroupRow) };
    },
  );
}

function jobListing(rows: Rows, jobs: readonly JobRecord[]): Listing<JobRecord, JobRow> {
  return {
    name: "jobs",
    things: jobs,
    // No name has the separator, so this sorts by namespace first.
    major: ({ namespace, id }) => `${namespace}\u0000${id}`,
    minor: () => "",
    schema: JobRow,
    toRow: (job) => jobRow(rows, job),
  };
}

function versionListing(context: ApiContext, job: JobRecord): Listing<AdmittedVersion, VersionRow> {
  return {
    name: "versions",
    things: job.versions,
    major: ({ number }) => number,
    minor: () => "",
    schema: VersionRow,
    toRow: (version) => versionRow(version, job.tags ?? [], specOf(context, version)),
  };
}

function findJob(rows: Rows, namespace: string | undefined, id: string): JobRecord {
  const job = rows.ledger.job(namespace ?? NAMESPACE_DEFAULT, id as JobId);
  if (job !== undefined) return job;
  throw new PeerError("not_found", `no job "${id}" in namespace "${namespace ?? NAMESPACE_DEFAULT}"`, {
    hint: "GET /v1/jobs lists those of all namespaces",
  });
}

function jobDetail(context: ApiContext, rows: Rows, job: JobRecord): JobDetailRow {
  const evaluations = byCreation(rows.ledger.evaluationsOfJob(job.namespace, job.id));
  const allocations = rows.ledger.allocationsOfJob(job.namespace, job.id);
  return {
    ...jobRow(rows, job),
    spec: specOf(context, job.versions.at(-1) ?? rows.ledger.currentVersion(job)),
    evaluations: evaluations.slice(-DETAIL_EVALUATIONS_MAX).reverse().map(evaluationRow),
    allocations: allocations.slice(-DETAIL_ALLOCATIONS_MAX).map((each) => allocationRow(rows, each)),
  };
}

function specOf(context: ApiContext, version: AdmittedVersion): Record<string, unknown> {
  return { ...context.jobFormat.formatJobFile(version.spec) };
}
