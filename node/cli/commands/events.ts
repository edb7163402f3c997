import { type CommandContext, EXIT, flag, stringOption } from "../command.ts";

interface EventData {
  readonly type?: string;
  readonly time?: string;
  readonly message?: string;
  readonly reason?: string;
}

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const stream = client.events("/v1/events", {
    query: {
      index: stringOption(context, "index"),
      job: stringOption(context, "job"),
      follow: flag(context, "follow") ? undefined : false,
    },
    signal: context.signal,
  });
  for await (const event of stream) {
    const data = JSON.parse(event.data) as EventData;
    if (out.json) out.line(JSON.stringify({ cursor: event.id, event: event.event, ...data }));
    else if (event.event === "reset")
      out.line(out.paint(`(events before this were not kept: ${data.reason ?? ""})`, "dim"));
    else out.line(`${clockTime(data.time)}  ${(data.type ?? event.event).padEnd(18)}  ${data.message ?? ""}`);
  }
  return EXIT.done;
}

function clockTime(iso: string | undefined): string {
  return iso === undefined ? "--:--:--" : iso.slice(11, 23);
}
