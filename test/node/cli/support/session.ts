/** A job as it changes while somebody watches it: one state for each blocking read, then silence. */
import type { JobDetailRow } from "../../../../node/api/index.ts";
import { type FakeAnswer, ok, type Script } from "./fake-api.ts";
import { type RunOptions, type RunResult, runWith, TestClock } from "./terminal.ts";

export interface Session {
  /** Words of the command, such as `["run", "-"]`. */
  readonly argv: readonly string[];
  /** What `GET /v1/jobs/shop` says, in order; the last for ever. */
  readonly states: readonly JobDetailRow[];
  /** Time until the next state; the first is there at once. */
  readonly gapMs?: number;
  /** What else is asked for. */
  readonly script?: Script | ((clock: TestClock) => Script);
  readonly options?: RunOptions;
}

/** The whole session on one screen, and the time it took on the test's clock. */
export async function watchSession(session: Session): Promise<RunResult & { readonly tookMs: number }> {
  const clock = new TestClock();
  const beginMs = clock.nowMs();
  const others = typeof session.script === "function" ? session.script(clock) : session.script;
  const script = { "GET /v1/jobs/shop": statesOf(session.states, clock, session.gapMs ?? 0), ...others };
  const stdin = session.argv.includes("-") ? "job: shop\n" : undefined;
  const options = { ...(stdin === undefined ? {} : { stdin }), ...session.options, clock };
  const { code, stdout, stderr } = await runWith(script, session.argv, options);
  return { code, stdout, stderr, tookMs: clock.nowMs() - beginMs };
}

/** A read that waits for what never comes lasts as long as it may: that is how time passes here. */
function statesOf(
  states: readonly JobDetailRow[],
  clock: TestClock,
  gapMs: number,
): (request: { query: URLSearchParams }) => FakeAnswer {
  let next = 0;
  return ({ query }) => {
    const isNews = next < states.length;
    const waitMs = Number(/^(\d+)ms$/.exec(query.get("wait") ?? "")?.[1] ?? 0);
    if (!isNews) clock.advance(waitMs);
    else if (next > 0) clock.advance(gapMs);
    const state = states[Math.min(next, states.length - 1)];
    if (isNews) next += 1;
    return ok(state, { "x-peer-index": `c${next}` });
  };
}
