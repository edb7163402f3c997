import type { FastifyPluginCallback } from "fastify";
import {
  type Allocation,
  type AllocationId,
  isAllocationEnded,
  type JobId,
  type LedgerView,
} from "../../../federation/index.ts";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { type Listing, page } from "../lists/page.ts";
import { type Collection, resolveId } from "../lists/prefix.ts";
import { markRead, read } from "../read.ts";
import { allocationRow, type Rows, usageRow } from "../rows/rows.ts";
import {
  AllocationList,
  AllocationRestarted,
  AllocationRow,
  AllocationStopped,
  AllocationUsageRow,
  RestartBody,
  StopBody,
} from "../schemas/allocation.ts";
import { allQuery, answers, IdParams, jobQuery, listQuery, Query, ReadQuery } from "../schemas/common.ts";

export const allocationRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.get(
    "/v1/allocations",
    {
      schema: {
        querystring: Query({ ...listQuery, ...jobQuery, ...allQuery }),
        response: answers(AllocationList),
      },
      config: { operationId: "listAllocations", summary: "Allocations, of all jobs or one" },
    },
    async (request, reply) => {
      const { job, namespace, all } = request.query;
      const rows = await read(context, request, reply);
      const allocations =
        job === undefined
          ? rows.ledger.allocations().filter((one) => namespace === undefined || one.namespace === namespace)
          : rows.ledger.allocationsOfJob(namespace ?? NAMESPACE_DEFAULT, job as JobId);
      const wanted = all === true ? allocations : allocations.filter((one) => !isAllocationEnded(one.status));
      return page(allocationListing(rows, wanted), request.query);
    },
  );
  routes.get(
    "/v1/allocations/:id",
    {
      schema: { params: IdParams, querystring: ReadQuery, response: answers(AllocationRow) },
      config: { operationId: "getAllocation", summary: "One allocation" },
    },
    async (request, reply) => {
      const rows = await read(context, request, reply);
      return allocationRow(rows, findAllocation(rows.ledger, request.params.id));
    },
  );
  usageRoute(app, context);
  changeRoutes(app, context);
  done();
};

function usageRoute(app: Parameters<typeof allocationRoutes>[0], context: ApiContext): void {
  app.withTypeProvider<TypeBoxProvider>().get(
    "/v1/allocations/:id/usage",
    {
      schema: { params: IdParams, querystring: Query({}), response: answers(AllocationUsageRow) },
      config: { operationId: "getAllocationUsage", summary: "What its processes use now" },
    },
    async (request, reply) => {
      markRead(context, reply, "local");
      const { id } = findAllocation(context.service.ledger, request.params.id);
      return usageRow(await context.service.usage(id));
    },
  );
}

function changeRoutes(app: Parameters<typeof allocationRoutes>[0], context: ApiContext): void {
  const routes = app.withTypeProvider<TypeBoxProvider>();
  routes.post(
    "/v1/allocations/:id/stop",
    {
      schema: {
        params: IdParams,
        querystring: Query({}),
        body: StopBody,
        response: answers(AllocationStopped),
      },
      config: { operationId: "stopAllocation", summary: "Stop it; its slot is placed again" },
    },
    async (request) => {
      const { id } = findAllocation(context.service.ledger, request.params.id);
      const { index, evaluation } = await context.service.stopAllocation(id);
      return { index, evaluation_id: evaluation ?? null };
    },
  );
  routes.post(
    "/v1/allocations/:id/restart",
    {
      schema: {
        params: IdParams,
        querystring: Query({}),
        body: RestartBody,
        response: answers(AllocationRestarted),
      },
      config: { operationId: "restartAllocation", summary: "Restart its tasks, or one, where it is" },
    },
    async (request) => {
      const { id } = findAllocation(context.service.ledger, request.params.id);
      return await context.service.restartAllocation(id, request.body.task);
    },
  );
}

/** In the order in which the ledger holds them. */
export function allocationListing(
  rows: Rows,
  allocations: readonly Allocation[],
): Listing<Allocation, AllocationRow> {
  return {
    name: "allocations",
    things: allocations,
    major: ({ createIndex }) => createIndex,
    minor: ({ id }) => id,
    schema: AllocationRow,
    toRow: (allocation) => allocationRow(rows, allocation),
  };
}

/** By id or the start of one. PeerError as `resolveId` says. */
export function findAllocation(ledger: LedgerView, text: string): Allocation {
  const allocations: Collection<Allocation> = {
    noun: "allocation",
    find: (id) => ledger.allocation(id as AllocationId),
    all: () => ledger.allocations(),
    label: ({ job, group, index, status }) => `job ${job}, ${group}.${index}, ${status}`,
  };
  return resolveId(allocations, text);
}
