import { ALL_POOLS, PeerError } from "../../../federation/index.ts";
import { checkName, DEFAULT_API, type NodeSite, parseHostPort, parseMeta } from "../../config.ts";
import { isLogLevel } from "../../host/log.ts";
import { parseJobFile } from "../../jobfile/index.ts";
import { type RunningPeer, startPeer } from "../../start.ts";
import { type CommandContext, CommandError, EXIT, listOption, stringOption } from "../command.ts";
import { reachable } from "../connection/address.ts";
import { Client } from "../connection/client.ts";
import { counted } from "../format.ts";
import { type JobFile, readJobFile } from "../submission/job-file.ts";
import { runJobs } from "../submission/jobs-at-start.ts";
import { problemsError } from "../submission/problems.ts";

/** With `--json` a line for the peer, one for each job that was submitted, one for the end. */
export async function run(context: CommandContext): Promise<number> {
  const files = await Promise.all(listOption(context, "run").map((path) => readJobFile(context, path)));
  for (const file of files) await refuseBroken(file);
  const running = await start(context);
  announce(context, running);
  const stop = stopSignal(running);
  const stopping = new AbortController();
  void stop.then(() => stopping.abort());
  const exitCode = await runJobs(
    { ...context, signal: stopping.signal },
    clientOf(running, stopping.signal),
    files,
  );
  const how = await stop;
  const left = await running.stop(how);
  if (context.out.json) context.out.valueLine({ event: "stopped", tasks_running: left });
  if (context.out.isText) context.out.line(farewell(how.tasks, left));
  return exitCode;
}

/** Before anything is started: a peer that runs and has none of its jobs helps nobody. */
async function refuseBroken(file: JobFile): Promise<void> {
  const parsed = parseJobFile(file.text, { format: file.format });
  if (!parsed.ok) throw await problemsError(file, parsed.error);
}

async function start(context: CommandContext): Promise<RunningPeer> {
  try {
    refuseWhatIsLater(context);
    return await startPeer(optionsOf(context));
  } catch (cause) {
    if (!(cause instanceof PeerError)) throw cause;
    const isUsage = cause.code === "bad_request" || cause.code === "not_supported";
    throw new CommandError(cause.message, {
      exitCode: isUsage ? EXIT.usage : EXIT.failed,
      code: cause.code,
      hint: cause.hint,
      cause,
    });
  }
}

function optionsOf(context: CommandContext): Parameters<typeof startPeer>[0] {
  const name = stringOption(context, "name");
  const region = stringOption(context, "region") ?? context.env["PEER_REGION"];
  const api = stringOption(context, "api");
  const level = stringOption(context, "log-level") ?? "warn";
  if (!isLogLevel(level)) {
    throw new PeerError("bad_request", `--log-level ${level} is none`, {
      hint: "debug, info, warn or error",
    });
  }
  return {
    dataFlag: stringOption(context, "data"),
    nodeName: name === undefined ? undefined : checkName(name, "--name"),
    regionName: region === undefined ? undefined : checkName(region, "--region"),
    api: api === undefined ? DEFAULT_API : parseHostPort(api, "--api"),
    meta: parseMeta(listOption(context, "meta")),
    site: siteOf(context),
    logLevel: level,
    env: context.env,
  };
}

/** What is not given is left to its default. */
function siteOf(context: CommandContext): NodeSite {
  const given = (["pool", "datacenter", "zone"] as const).flatMap((flag) => {
    const value = stringOption(context, flag);
    return value === undefined ? [] : [[flag, checkName(value, `--${flag}`)]];
  });
  if (stringOption(context, "pool") === ALL_POOLS) {
    throw new PeerError(
      "bad_request",
      `--pool ${ALL_POOLS} is no pool: it is what jobs ask for that take any`,
      {
        hint: "choose another name, or leave it out",
      },
    );
  }
  return Object.fromEntries(given);
}

/**
 * Flags of the contract whose machinery this release lacks: taken where they change nothing, else refused.
 */
function refuseWhatIsLater(context: CommandContext): void {
  const listen = stringOption(context, "listen");
  if (listen !== undefined) parseHostPort(listen, "--listen");
  if (context.options["join"] !== undefined) {
    throw new PeerError("not_supported", "--join: this release runs a mesh of one peer", {
      hint: "start without --join; joining comes with a later release",
    });
  }
  const overlay = stringOption(context, "overlay") ?? "auto";
  if (overlay === "auto" || overlay === "off") return;
  throw new PeerError("not_supported", `--overlay ${overlay}: this release has no overlay network`, {
    hint: "start with --overlay off, or leave it out",
  });
}

function announce({ out }: CommandContext, running: RunningPeer): void {
  const { service } = running.peer;
  const status = service.status();
  if (out.json) {
    out.valueLine({
      event: "started",
      node_id: status.nodeId,
      node_name: status.nodeName,
      region: status.region,
      api_address: status.apiAddress,
      data_directory: running.dataDirectory,
      pid: status.pid,
    });
  }
  if (out.quiet) out.line(status.nodeId);
  if (!out.isText) return;
  const drivers = Object.entries(service.ledger.node(status.nodeId)?.drivers ?? {});
  const healthy = drivers.filter(([, driver]) => driver.healthy).map(([name]) => name);
  const { nodeName, region, overlay } = status;
  out.lines([
    `peer ${status.version}: node ${out.paint(nodeName, "bold")} of region ${region.name}`,
    `  api      http://${status.apiAddress}`,
    `  data     ${running.dataDirectory}${running.created ? " (new)" : ""}`,
    `  drivers  ${healthy.join(", ") || "none"}`,
    `  overlay  ${overlay.state}: ${overlay.reason}`,
  ]);
}

function clientOf(running: RunningPeer, signal: AbortSignal): Client {
  const { host, port } = running.api;
  return new Client(
    { host: reachable(host), port, token: running.peer.identity.token, tokenHint: "" },
    signal,
  );
}

type Stop = Promise<{ readonly tasks: boolean }>;

/** What ends it: a signal (tasks run on) or a client's request. A second signal ends it at once. */
function stopSignal(running: RunningPeer): Stop {
  const signal: Stop = new Promise((resolve) => {
    let wasAsked = false;
    const onSignal = () => {
      if (wasAsked) process.exit(EXIT.failed);
      wasAsked = true;
      resolve({ tasks: false });
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  });
  return Promise.race([signal, running.peer.stopRequested]);
}

function farewell(hasStoppedTasks: boolean, left: number): string {
  if (hasStoppedTasks) return "peer stopped, and its tasks with it";
  if (left === 0) return "peer stopped; no task was running";
  const what = `${counted(left, "task")} ${left === 1 ? "runs" : "run"} on`;
  return `peer stopped; ${what}: \`peer start\` takes up again, \`peer down\` would have stopped them too`;
}
