import { type CommandContext, EXIT, flag, stringOption } from "../command.ts";
import { EventParser, type ServerEvent } from "../connection/event-stream.ts";
import { Patience } from "../connection/patience.ts";
import { plainText } from "../format.ts";
import { namespaceOf } from "../lookup.ts";

/** The API sends a comment each 15 s. */
const SILENCE_MS = 60_000;
const PAUSE_MS = 1_000;
const TYPE_WIDTH = 19;

interface EventData {
  readonly type?: string;
  readonly key?: string;
  readonly time?: string;
  readonly message?: string;
  readonly reason?: string;
}

export async function run(context: CommandContext): Promise<number> {
  const isFollowed = flag(context, "follow");
  const parser = new EventParser();
  return isFollowed ? follow(context, parser) : printKept(context, parser);
}

async function printKept(context: CommandContext, parser: EventParser): Promise<number> {
  const { out } = context;
  const events: ServerEvent[] = [];
  for await (const event of eventsOf(context, parser)) {
    if (out.json) events.push(event);
    else print(context, event);
  }
  if (out.json) out.value(events.map(cursorAndData));
  return EXIT.done;
}

/** Until Ctrl-C, through restarts of the peer. */
async function follow(context: CommandContext, parser: EventParser): Promise<number> {
  const patience = new Patience(context, { wasThere: false });
  for (;;) {
    await patience.until(async () => {
      for await (const event of eventsOf(context, parser, () => patience.answered())) print(context, event);
    });
    // The peer ends streams when it stops; the next one goes on where this one ended.
    await context.clock.sleep(PAUSE_MS, context.signal);
  }
}

/** One connection's events, after those that the parser has seen already. */
async function* eventsOf(
  context: CommandContext,
  parser: EventParser,
  answered = () => {},
): AsyncGenerator<ServerEvent> {
  const client = await context.client();
  const query = {
    index: parser.lastId === "" ? stringOption(context, "index") : parser.lastId,
    job: stringOption(context, "job"),
    namespace: namespaceOf(context),
    follow: flag(context, "follow") ? undefined : false,
  };
  parser.reset();
  const stream = await client.stream("/v1/events", query, SILENCE_MS);
  answered();
  for await (const chunk of stream.chunks) yield* parser.push(chunk);
}

function print({ out }: CommandContext, event: ServerEvent): void {
  const data = dataOf(event);
  if (out.json) {
    out.valueLine(cursorAndData(event));
  } else if (event.event === "reset") {
    out.note(`(what happened before this is not kept: ${plainText(data.reason ?? "")})`);
  } else if (out.quiet) {
    out.line(data.key ?? "");
  } else {
    const time = out.paint(data.time ?? "-", "dim");
    out.line(`${time}  ${(data.type ?? event.event).padEnd(TYPE_WIDTH)}  ${plainText(data.message ?? "")}`);
  }
}

/** The cursor goes along, to begin after. */
function cursorAndData(event: ServerEvent): Readonly<Record<string, unknown>> {
  return { cursor: event.id, event: event.event, ...dataOf(event) };
}

function dataOf(event: ServerEvent): EventData {
  try {
    return JSON.parse(event.data) as EventData;
  } catch {
    return { message: event.data };
  }
}
