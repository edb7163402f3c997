import type { FastifyInstance, FastifyPluginCallback } from "fastify";
import { type JobSpec, PeerError, type Problem } from "../../../federation/index.ts";
import type { SubmitOptions } from "../../service/service.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type ParsedJob, type TypeBoxProvider } from "../context.ts";
import { receiptRow } from "../rows/rows.ts";
import { answers, JobParams, Query } from "../schemas/common.ts";
import { JobFile, ReceiptRow, submitQuery, ValidRow } from "../schemas/job.ts";

/** A job file holds no data; the parser has the same bound. */
export const JOB_BYTES_MAX = 1024 * 1024;
const JSON_TYPES = ["application/json"];
/** RFC 9512 and what was used before it. */
export const YAML_TYPES = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];
/** There is one token yet, the operator's. */
const SUBMITTER = "operator";

class JobText {
  readonly format: "yaml" | "json";
  readonly text: string;

  constructor(format: "yaml" | "json", text: string) {
    this.format = format;
    this.text = text;
  }
}

/** Only where jobs are sent: other routes take no YAML, and JSON that was parsed has no lines to name. */
export function takeJobTexts(app: FastifyInstance): void {
  app.removeContentTypeParser(JSON_TYPES);
  for (const [types, format] of [[JSON_TYPES, "json"] as const, [YAML_TYPES, "yaml"] as const]) {
    app.addContentTypeParser(types, { parseAs: "string" }, (_request, body, parsed) => {
      parsed(null, new JobText(format, String(body)));
    });
  }
}

export const submissionRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  takeJobTexts(app);
  submitRoutes(app, context);
  stopRoute(app, context);
  app.withTypeProvider<TypeBoxProvider>().post(
    "/v1/validate",
    {
      bodyLimit: JOB_BYTES_MAX,
      schema: { querystring: Query({}), response: answers(ValidRow) },
      config: {
        operationId: "validateJob",
        summary: "Check a job and do nothing",
        body: JobFile,
        bodyTypes: YAML_TYPES,
      },
    },
    (request, reply) => {
      const { spec, warnings, locate } = parsedJob(context, request.body);
      refuseProblems(locate(context.service.validate(spec)));
      void reply.send({ valid: true, warnings: [...warnings] });
    },
  );
  done();
};

function submitRoutes(app: FastifyInstance, context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  const querystring = Query(submitQuery);
  const body = { body: JobFile, bodyTypes: YAML_TYPES };
  routes.put(
    "/v1/jobs/:id",
    {
      bodyLimit: JOB_BYTES_MAX,
      schema: { params: JobParams, querystring, response: answers(ReceiptRow) },
      config: { operationId: "putJob", summary: "Submit a job, new or changed", ...body },
    },
    async (request) => submit(context, request.body, request.query, request.params.id),
  );
  routes.post(
    "/v1/jobs",
    {
      bodyLimit: JOB_BYTES_MAX,
      schema: { querystring, response: answers(ReceiptRow) },
      config: { operationId: "submitJob", summary: "The same, under the id that the job file says", ...body },
    },
    async (request) => submit(context, request.body, request.query, undefined),
  );
}

function stopRoute(app: FastifyInstance, context: ApiContext): void {
  app.withTypeProvider<TypeBoxProvider>().delete(
    "/v1/jobs/:id",
    {
      schema: { params: JobParams, querystring: Query(submitQuery), response: answers(ReceiptRow) },
      config: { operationId: "stopJob", summary: "Stop a job" },
    },
    async (request) => {
      const { namespace = NAMESPACE_DEFAULT, check_index } = request.query;
      const options = submitOptions(check_index);
      return receiptRow(await context.service.stopJob(namespace, request.params.id, options), []);
    },
  );
}

async function submit(
  context: ApiContext,
  body: unknown,
  query: { readonly namespace?: string; readonly check_index?: number },
  id: string | undefined,
): Promise<ReceiptRow> {
  const { spec, warnings } = jobOfRequest(context, body, query, id);
  return receiptRow(await context.service.submit(spec, submitOptions(query.check_index)), warnings);
}

/** The job in the body, in the namespace of the request. PeerError `invalid_job` with all that is wrong. */
export function jobOfRequest(
  context: ApiContext,
  body: unknown,
  query: { readonly namespace?: string },
  id: string | undefined,
): Pick<ParsedJob, "spec" | "warnings"> {
  const { spec, warnings, locate } = parsedJob(context, body);
  refuseProblems(locate([...idProblems(spec, id), ...namespaceProblems(spec, query.namespace)]));
  const placed = { ...spec, namespace: query.namespace ?? spec.namespace };
  refuseProblems(locate(context.service.validate(placed)));
  return { spec: placed, warnings };
}

function idProblems(spec: JobSpec, id: string | undefined): readonly Problem[] {
  if (id === undefined || id === spec.id) return [];
  return [{ path: "job", message: `the job file says "${spec.id}", the path says "${id}"` }];
}

/** The request may say where a job goes that does not say so itself. */
function namespaceProblems(spec: JobSpec, namespace: string | undefined): readonly Problem[] {
  if (namespace === undefined || namespace === spec.namespace) return [];
  if (spec.namespace === NAMESPACE_DEFAULT) return [];
  return [
    { path: "namespace", message: `the job file says "${spec.namespace}", the request says "${namespace}"` },
  ];
}

export function submitOptions(checkIndex: number | undefined): SubmitOptions {
  return { submittedBy: SUBMITTER, ...(checkIndex === undefined ? {} : { checkIndex }) };
}

function parsedJob({ jobFormat }: ApiContext, body: unknown): ParsedJob {
  if (!(body instanceof JobText) || body.text === "") {
    throw new PeerError("bad_request", "body: missing", {
      hint: "send the job file as application/yaml or application/json",
    });
  }
  const parsed = jobFormat.parseJobFile(body.text, { format: body.format });
  if (parsed.ok) return parsed.value;
  refuseProblems(parsed.error);
  throw new PeerError("invalid_job", "the job can't be read");
}

/** PeerError `invalid_job` with all of them, if there are any. */
function refuseProblems(problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
  throw new PeerError("invalid_job", `${placeOf(first)}${first.message}${more}`, {
    details: problems,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

function placeOf({ path, line, column }: Problem): string {
  const position =
    line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
  return `${position}${path === "" ? "" : `${path}: `}`;
}
