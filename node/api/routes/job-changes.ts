/** Changes to a job that name what to change instead of sending the whole. */
import type { FastifyPluginCallback } from "fastify";
import {
  type AdmittedVersion,
  type GroupSpec,
  type JobId,
  type JobRecord,
  type JobSpec,
  PeerError,
  runsOnEveryNode,
} from "../../../federation/index.ts";
import { COUNT_MAX } from "../../jobfile/index.ts";
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
      const { spec } = versionToRun(job, request.body.version);
      return resubmit(context, spec, request.query.check_index);
    },
  );
  routes.post(
    "/v1/jobs/:id/scale",
    {
      schema: { params: JobParams, querystring, body: ScaleBody, response: answers(ReceiptRow) },
      config: { operationId: "scaleJob", summary: "Change the count of a group and nothing else" },
    },
    async (request) => {
      const job = findRecord(context, request.query.namespace, request.params.id);
      const spec = scaled(context, job, request.body);
      // What was read is what is changed: a version that came meanwhile is not undone.
      return resubmit(context, spec, request.query.check_index ?? job.modifyIndex);
    },
  );
  done();
};

function findRecord(context: ApiContext, namespace = NAMESPACE_DEFAULT, id: string): JobRecord {
  const job = context.service.ledger.job(namespace, id as JobId);
  if (job !== undefined) return job;
  throw new PeerError("not_found", `no job "${id}" in namespace "${namespace}"`, {
    hint: "GET /v1/jobs lists those of all namespaces",
  });
}

function versionToRun(job: JobRecord, number: number): AdmittedVersion {
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

function scaled(
  context: ApiContext,
  job: JobRecord,
  { group: name, count }: { readonly group?: string; readonly count: number },
): JobSpec {
  const { spec } = context.service.ledger.currentVersion(job);
  if (job.stopped) {
    throw new PeerError("conflict", `job ${job.id} is stopped`, { hint: "submit it again to start it" });
  }
  if (runsOnEveryNode(spec.type)) {
    throw new PeerError("bad_request", `a ${spec.type} job runs once on every node that fits`, {
      hint: "change its constraints to have more or fewer nodes fit",
    });
  }
  if (count > COUNT_MAX) {
    throw new PeerError("bad_request", `count must be from 0 to ${COUNT_MAX}; this is ${count}`);
  }
  const group = groupToScale(spec, name);
  return { ...spec, groups: spec.groups.map((each) => (each === group ? { ...each, count } : each)) };
}

function groupToScale(spec: JobSpec, name: string | undefined): GroupSpec {
  const names = spec.groups.map((group) => group.name).join(", ");
  const [first, ...others] = spec.groups;
  if (name === undefined && first !== undefined && others.length === 0) return first;
  const group = spec.groups.find((candidate) => candidate.name === name);
  if (group !== undefined) return group;
  const what =
    name === undefined ? `job ${spec.id} has more than one group` : `job ${spec.id} has no group ${name}`;
  throw new PeerError(name === undefined ? "bad_request" : "not_found", what, { hint: `it has ${names}` });
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
