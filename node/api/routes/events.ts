import type { FastifyPluginCallback } from "fastify";
import { type ApiContext, NAMESPACE_DEFAULT, type TypeBoxProvider } from "../context.ts";
import { markRead } from "../read.ts";
import { eventRow } from "../rows/rows.ts";
import { writer } from "../schemas/compiler.ts";
import { EventRow, EventsQuery, eventAnswers } from "../schemas/system.ts";
import { checkCursor, EventStream, type StampedEvent } from "./event-stream.ts";

export const eventRoutes: FastifyPluginCallback<{ context: ApiContext }> = (app, { context }, done) => {
  const dataOf = eventWriter(context);
  app.withTypeProvider<TypeBoxProvider>().get(
    "/v1/events",
    {
      schema: { querystring: EventsQuery, response: eventAnswers },
      config: {
        operationId: "streamEvents",
        summary: "What changes, as server-sent events; resumable, and never with a gap",
        answerType: "text/event-stream",
        isStream: true,
      },
    },
    async (request, reply) => {
      const feed = context.service.events;
      const last = request.headers["last-event-id"];
      const { index, topic, job, namespace, follow = true } = request.query;
      const begin = follow ? feed.cursor : feed.oldest;
      const position = typeof last === "string" && last !== "" ? last : (index ?? begin);
      checkCursor(feed, position);
      context.streams.admit();
      markRead(context, reply, "ledger");
      void reply.header("content-type", "text/event-stream; charset=utf-8");
      if (request.method === "HEAD") return reply.send("");
      const home = job === undefined ? namespace : (namespace ?? NAMESPACE_DEFAULT);
      const wants = (event: StampedEvent) =>
        (topic === undefined || topic.includes(event.type)) &&
        (job === undefined || event.job === job) &&
        (home === undefined || event.namespace === home);
      const sink = context.streams.open(reply, { "x-accel-buffering": "no" });
      const stream = new EventStream({ feed, clock: context.clock, sink, wants, dataOf, follow }, position);
      try {
        await stream.run();
      } catch (error) {
        context.log("warn", "an event stream broke off", { error: String(error) });
        sink.fail();
      }
      return reply;
    },
  );
  done();
};

/** Many clients get the same event: it is written as JSON once. */
function eventWriter(context: ApiContext): (event: StampedEvent) => string {
  const write = writer(EventRow);
  const known = new WeakMap<StampedEvent, string>();
  return (event) => {
    const text = known.get(event) ?? write(eventRow(context.rows(), event));
    known.set(event, text);
    return text;
  };
}
