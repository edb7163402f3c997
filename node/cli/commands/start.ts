import { PeerError } from "../../../federation/index.ts";
import { checkName, DEFAULT_API, parseHostPort, parseMeta } from "../../config.ts";
import { isLogLevel } from "../../host/log.ts";
import { type RunningPeer, startPeer } from "../../start.ts";
import { Client } from "../client.ts";
import { type CommandContext, CommandError, EXIT, listOption, stringOption } from "../command.ts";
import { readJobInput } from "../job-input.ts";
import { submitAndWatch } from "../submit.ts";

export async function run(context: CommandContext): Promise<number> {
  const files = await Promise.all(listOption(context, "run").map(readJobInput));
  try {
    refuseWhatIsLater(context);
    const running = await startPeer(optionsOf(context));
    return await serve(context, running, files);
  } catch (cause) {
    if (!(cause instanceof PeerError)) throw cause;
    const usage = cause.code === "bad_request" || cause.code === "not_supported";
    throw new CommandError(cause.message, {
      exitCode: usage ? EXIT.usage : EXIT.failed,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
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
    logLevel: level,
    env: context.env,
  };
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

async function serve(
  context: CommandContext,
  running: RunningPeer,
  files: readonly Awaited<ReturnType<typeof readJobInput>>[],
): Promise<number> {
  const { out } = context;
  const client = new Client({ ...running.api, token: running.peer.identity.token, tokenHint: undefined });
  announce(context, running);
  const stop = stopSignal(running);
  let exitCode: number = EXIT.done;
  for (const file of files) {
    const submitted = submitAndWatch(context, client, file, { checkIndex: undefined, detach: false });
    const code = await Promise.race([submitted, stop.then(() => EXIT.done)]);
    if (code !== EXIT.done) exitCode = code;
  }
  if (files.length > 0 && !out.json) {
    out.line();
    out.line(
      "The peer stays in the foreground. In another terminal: `peer ps`, `peer logs -f JOB`, `peer job stop JOB`.",
    );
    out.line("Ctrl-C stops the peer and leaves tasks running; `peer down` stops both.");
  }
  const how = await stop;
  const left = await running.stop(how);
  if (!out.json) out.line(farewell(how.tasks, left));
  return exitCode;
}

function announce(context: CommandContext, running: RunningPeer): void {
  const { out } = context;
  const status = running.peer.service.status();
  if (out.json) {
    out.value({
      node_id: status.nodeId,
      node_name: status.nodeName,
      region: status.region,
      api_address: status.apiAddress,
      data_directory: running.dataDirectory,
      pid: status.pid,
    });
    return;
  }
  const node = running.peer.service.ledger.node(status.nodeId);
  const drivers = Object.entries(node?.drivers ?? {}).filter(([, driver]) => driver.healthy);
  out.line(
    `peer ${status.version}: node ${out.paint(status.nodeName, "bold")} of region ${status.region.name}`,
  );
  out.line(`  api      http://${status.apiAddress}`);
  out.line(`  data     ${running.dataDirectory}${running.created ? " (new)" : ""}`);
  out.line(`  drivers  ${drivers.map(([name]) => name).join(", ") || "none"}`);
  out.line(`  overlay  ${status.overlay.state}: ${status.overlay.reason}`);
}

/** What ends it: a signal (tasks run on) or a client's request. A second signal ends it at once. */
function stopSignal(running: RunningPeer): Promise<{ readonly tasks: boolean }> {
  const signal = new Promise<{ readonly tasks: boolean }>((resolve) => {
    let asked = false;
    const onSignal = () => {
      if (asked) process.exit(EXIT.failed);
      asked = true;
      resolve({ tasks: false });
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  });
  return Promise.race([signal, running.peer.stopRequested]);
}

function farewell(tasks: boolean, left: number): string {
  if (tasks) return "peer stopped, and its tasks with it";
  if (left === 0) return "peer stopped; no task was running";
  const what = left === 1 ? "1 task runs on" : `${left} tasks run on`;
  return `peer stopped; ${what}: \`peer start\` takes up again, \`peer down\` would have stopped them too`;
}
