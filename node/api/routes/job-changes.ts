/** Changes to a job that name what to change instead of sending the whole. */
import type { FastifyPluginCallback } from "fastify";
import {
  type AdmittedVersion,
  type JobId,
  type JobRecord,
  type JobSpec,
  PeerError,
} from "../../../federation/index.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { receiptRow } from "../rows/rows.ts";
import { answers, JobParams, Query } from "../schemas/common.ts";
import { ReceiptRow, submitQuery } from "../schemas/job.ts";
import { RevertBody, ScaleBody } from "../schemas/plan.ts";
import { submitOptions } from "./submissions.ts";

export const jobChangeRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const querystring = Query(submitQuery);
  routes.post(
    "/v1/jobs/:id/revert",
    {
      schema: { params: JobParams, querystring, body: RevertBody, response: answers(ReceiptRow) },
      config: { operationId: "revertJob", summary: "Submit an earlier version of a job again" },
    },
    async (request) => {
      const job = findRecord(context, request.query.namespace, request.params.id);
      const { spec } = versionToRun(job, request.body);
      return resubmit(context, spec, request.query.check_index);
    },
  );
  for (const method of ["POST", "PUT"] as const) scaleRoute(app, context, method);
  done();
};

/** Nomad's clients send either. */
function scaleRoute(
  app: Parameters<typeof jobChangeRoutes>[0],
  context: ApiContext,
  method: "POST" | "PUT",
): void {
  const operationId = method === "POST" ? "scaleJob" : "putJobScale";
  app.withTypeProvider<TypeBoxProvider>().route({
    method,
    url: "/v1/jobs/:id/scale",
    schema: {
      params: JobParams,
      querystring: Query(submitQuery),
      body: ScaleBody,
      response: answers(ReceiptRow),
    },
    config: { operationId, summary: "Set the count of a group, whatever its versions say" },
    handler: async (request) => {
      const { namespace = NAMESPACE_DEFAULT, check_index } = request.query;
      const wish = { namespace, job: request.params.id as JobId, ...request.body };
      return receiptRow(await context.service.scaleJob(wish, submitOptions(check_index)), []);
    },
  });
}

export function findRecord(context: ApiContext, namespace = NAMESPACE_DEFAULT, id: string): JobRecord {
  const job = context.service.ledger.job(namespace, id as JobId);
  if (job !== undefined) return job;
  throw new PeerError("not_found", `no job "${id}" in namespace "${namespace}"`, {
    hint: "GET /v1/jobs lists those of all namespaces",
  });
}

function versionToRun(job: JobRecord, wanted: RevertBody): AdmittedVersion {
  const number = "tag" in wanted ? numberOfTag(job, wanted.tag) : wanted.version;
  const version = job.versions.find((candidate) => candidate.number === number);
  if (version?.operation === "run") return version;
  const numbers = job.versions.filter(({ operation }) => operation === "run").map((one) => one.number);
  const hint = `kept versions to run again: ${numbers.join(", ")}`;
  if (version === undefined)
    throw new PeerError("not_found", `job ${job.id} has no version ${number}`, { hint });
  throw new PeerError("bad_request", `version ${number} of job ${job.id} is the one that stopped it`, {
    hint,
  });
}

function numberOfTag({ id, tags = [], versions }: JobRecord, name: string): number | undefined {
  const tag = tags.find((candidate) => candidate.name === name);
  if (tag !== undefined) return versions.find((version) => version.id === tag.versionId)?.number;
  const names = tags.map((candidate) => candidate.name).join(", ");
  const hint = names === "" ? `it has none: \`peer job tag NAME ${id}\`` : `it has ${names}`;
  throw new PeerError("not_found", `job ${id} has no tag ${name}`, { hint });
}

async function resubmit(
  context: ApiContext,
  spec: JobSpec,
  checkIndex: number | undefined,
): Promise<ReceiptRow> {
  // A driver may have gone since: what it would refuse now is refused now.
  const [problem] = context.service.validate(spec);
  if (problem !== undefined) throw new PeerError("invalid_job", `${problem.path}: ${problem.message}`);
  return receiptRow(await context.service.submit(spec, submitOptions(checkIndex)), []);
}
