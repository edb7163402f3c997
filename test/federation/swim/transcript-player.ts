/** Plays a transcript's commands on one core and prints all that comes out. */
import type { NodeId } from "../../../federation/model/ids.ts";
import { seededRandom } from "../../../federation/random.ts";
import { decodeMessage } from "../../../federation/swim/codec.ts";
import { SWIM_LIMITS } from "../../../federation/swim/limits.ts";
import {
  firstIncarnation,
  type MemberReport,
  REFUTATIONS_PER_START,
} from "../../../federation/swim/member.ts";
import type { SwimBody } from "../../../federation/swim/message.ts";
import { Swim } from "../../../federation/swim/swim.ts";
import { bytesOf, GROUP, report } from "./fixtures.ts";

export class Player {
  #nowMs = 0;
  #swim: Swim | undefined;

  play(command: string): string {
    return command
      .split("\n")
      .map((line) => this.#line(line))
      .join("\n");
  }

  #line(line: string): string {
    const [verb = "", ...words] = line.split(" ");
    if (verb === "start") return this.#start(words);
    const swim = this.#swim;
    if (swim === undefined) throw new Error("start comes first");
    if (verb === "run") return this.#run(swim, Number(words[0]));
    if (verb === "open") swim.linkOpened(this.#nowMs, words[0] as NodeId);
    else if (verb === "close") swim.linkClosed(this.#nowMs, words[0] as NodeId);
    else if (verb === "keeper") swim.keeperAnswered(this.#nowMs, words[0] as NodeId, words[1] === "answers");
    else if (verb === "leader") swim.setLeader(this.#nowMs, words[0] as NodeId);
    else if (verb === "leave") swim.leave(this.#nowMs);
    else if (verb === "from") swim.receive(this.#nowMs, words[0] as NodeId, parseMessage(words.slice(1)));
    else throw new Error(`unknown command ${line}`);
    return this.#printed(swim);
  }

  #start(members: readonly string[]): string {
    const options = { start: 1, group: GROUP, meta: new Uint8Array(0), random: seededRandom("golden") };
    this.#swim = new Swim({ self: "self" as NodeId, ...options, limits: SWIM_LIMITS, nowMs: 0 });
    this.#swim.setMembers(
      0,
      members.map((each) => each as NodeId),
    );
    return this.#printed(this.#swim);
  }

  #run(swim: Swim, durationMs: number): string {
    const endMs = this.#nowMs + durationMs;
    const lines: string[] = [];
    while (swim.dueMs <= endMs) {
      this.#nowMs = Math.max(this.#nowMs, swim.dueMs);
      swim.tick(this.#nowMs);
      const printed = this.#printed(swim);
      if (printed !== "nothing") lines.push(`${this.#nowMs.toFixed(0)} ms`, printed);
    }
    this.#nowMs = endMs;
    return lines.length === 0 ? "nothing" : lines.join("\n");
  }

  #printed(swim: Swim): string {
    const { keeperQuestions, messages, notices } = swim.drain();
    const lines = messages.map(({ data, to }) => {
      const message = decodeMessage(GROUP, data);
      if (typeof message === "string") return `  to ${to}: ${message}`;
      return `  to ${to}: ${[describeBody(message.body), ...message.reports.map(describeReport)].join("; ")}`;
    });
    lines.push(...keeperQuestions.map((peer) => `  ask the keeper of ${peer}`));
    lines.push(...notices.map(({ change, member }) => `  ${member.id}: ${change} (${incarnation(member)})`));
    return lines.length === 0 ? "nothing" : lines.join("\n");
  }
}

/** `ping 4; a suspect 1.0 by b`: a body, then reports with their incarnation as start and refutation. */
function parseMessage(words: readonly string[]): Uint8Array {
  const [body = "", ...reports] = words.join(" ").split("; ");
  return bytesOf(parseBody(body), reports.map(parseReport));
}

function parseBody(text: string): SwimBody {
  const [kind = "", number = "0", target = ""] = text.split(" ");
  const sequence = Number(number);
  if (kind === "gossip") return { kind };
  if (kind === "ping") return { kind, sequence, wantsReport: target === "wants" };
  if (kind === "ack" || kind === "nack") return { kind, sequence };
  if (kind === "ping_request") return { kind, sequence, target: target as NodeId };
  throw new Error(`unknown message ${text}`);
}

function parseReport(text: string): MemberReport {
  const [subject = "", state = "", number = "1.0", , from = subject, silent = ""] = text.split(" ");
  const [start = 1, refutations = 0] = number.split(".").map(Number);
  const more = { from: from as NodeId, silent: silent === "silent" };
  const said = state as MemberReport["state"];
  return report(subject as NodeId, said, { incarnation: firstIncarnation(start) + refutations, ...more });
}

function describeBody(body: SwimBody): string {
  switch (body.kind) {
    case "gossip":
      return "gossip";
    case "digest":
      return `digest of ${body.buckets.length}`;
    case "state":
      return `state of ${body.differing.length} in ${body.bucketCount}${body.wantsAnswer ? ", wants an answer" : ""}`;
    case "ping_request":
      return `ping_request ${body.sequence} ${body.target}`;
    case "ping":
      return `ping ${body.sequence}${body.wantsReport ? " wants" : ""}`;
    default:
      return `${body.kind} ${body.sequence}`;
  }
}

function describeReport({ from, silent, state, subject, ...rest }: MemberReport): string {
  const by = from === subject ? "" : ` by ${from}`;
  return `${subject} ${state} ${incarnation(rest)}${by}${silent ? " silent" : ""}`;
}

function incarnation({ incarnation: value }: { readonly incarnation: number }): string {
  return `${Math.floor(value / REFUTATIONS_PER_START)}.${value % REFUTATIONS_PER_START}`;
}
