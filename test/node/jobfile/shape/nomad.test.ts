/** Every block and field of Nomad's job specification (1.10) is read, renamed, or refused by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJobValue } from "../../../../node/jobfile/index.ts";

type Value = Readonly<Record<string, unknown>>;

/** From a record of this path to a whole job that has it. */
const HOLDERS = {
  job: (fields: Value) => ({ job: "a", groups: { g: group({}) }, ...fields }),
  group: (fields: Value) => job(fields),
  task: (fields: Value) => job({ tasks: { t: { driver: "process", ...fields } } }),
  resources: (fields: Value) => job({ tasks: { t: { driver: "process", resources: fields } } }),
  logs: (fields: Value) => job({ tasks: { t: { driver: "process", logs: fields } } }),
  restart: (restart: Value) => job({ restart }),
  reschedule: (reschedule: Value) => job({ reschedule }),
  ephemeral_disk: (disk: Value) => job({ ephemeral_disk: { size: 300, ...disk } }),
  network: (network: Value) => job({ network }),
  port: (port: Value) => job({ network: { ports: { http: port } } }),
  service: (service: Value) => job({ services: [service] }),
  check: (check: Value) => job({ services: [{ checks: [{ type: "tcp", ...check }] }] }),
  constraint: (constraint: Value) => job({ constraints: [constraint] }),
  affinity: (affinity: Value) => job({ affinities: [affinity] }),
  spread: (spread: Value) => job({ spread: [spread] }),
} as const;

type Holder = keyof typeof HOLDERS;

function group(fields: Value): Value {
  return { tasks: { t: { driver: "process" } }, ...fields };
}

function job(fields: Value): Value {
  return { job: "a", groups: { g: group(fields) } };
}

/** Blocks and fields, by the block that holds them; those of refused blocks are refused with it. */
const NOMAD: Readonly<Record<Holder, readonly string[]>> = {
  job: [
    ...["affinity", "all_at_once", "constraint", "consul_token", "datacenters", "group", "id", "meta"],
    ...["migrate", "multiregion", "name", "namespace", "node_pool", "parameterized", "periodic", "priority"],
    ...[
      "region",
      "reschedule",
      "spread",
      "type",
      "ui",
      "update",
      "vault",
      "vault_token",
      "variable",
      "locals",
    ],
    ...["consul", "version_tag"],
  ],
  group: [
    ...["affinity", "constraint", "consul", "count", "disconnect", "ephemeral_disk", "meta", "migrate"],
    ...["max_client_disconnect", "network", "prevent_reschedule_on_lost", "reschedule", "restart", "scaling"],
    ...["service", "shutdown_delay", "spread", "stop_after_client_disconnect", "task", "update", "vault"],
    ...["volume"],
  ],
  task: [
    ...["action", "affinity", "artifact", "config", "constraint", "consul", "csi_plugin", "dispatch_payload"],
    ...["driver", "env", "identity", "kill_signal", "kill_timeout", "kind", "leader", "lifecycle", "logs"],
    ...["meta", "resources", "restart", "scaling", "schedule", "secret", "service", "shutdown_delay"],
    ...["template", "user", "vault", "volume_mount"],
  ],
  resources: ["cores", "cpu", "device", "disk", "iops", "memory", "memory_max", "network", "numa", "secrets"],
  logs: ["disabled", "enabled", "max_file_size", "max_files"],
  restart: ["attempts", "delay", "interval", "mode", "render_templates"],
  reschedule: ["attempts", "delay", "delay_function", "interval", "max_delay", "unlimited"],
  ephemeral_disk: ["migrate", "size", "sticky"],
  network: ["cni", "device", "dns", "hostname", "mbits", "mode", "port"],
  port: ["host_network", "ignore_collision", "static", "to"],
  service: [
    ...["address", "address_mode", "canary_meta", "canary_tags", "check", "check_restart", "cluster"],
    ...[
      "connect",
      "enable_tag_override",
      "identity",
      "kind",
      "meta",
      "name",
      "on_update",
      "port",
      "provider",
    ],
    ...["tagged_addresses", "tags", "task", "weights"],
  ],
  check: [
    ...["address_mode", "advertise", "args", "body", "check_restart", "command", "expose"],
    ...["failures_before_critical", "failures_before_warning", "grpc_service", "grpc_use_tls", "header"],
    ...["initial_status", "interval", "method", "name", "notes", "on_update", "path", "port", "protocol"],
    ...["success_before_passing", "task", "timeout", "tls_server_name", "tls_skip_verify", "type"],
  ],
  constraint: [
    ...["attribute", "distinct_hosts", "distinct_property", "operator", "regexp", "semver", "set_contains"],
    ...["set_contains_any", "value", "version"],
  ],
  affinity: [
    ...["attribute", "operator", "regexp", "semver", "set_contains_any", "value", "version", "weight"],
  ],
  spread: ["attribute", "target", "weight"],
};

/** What this project adds to Nomad's tree and has no machinery for yet (DESIGN section 9). */
const OWN: Partial<Readonly<Record<Holder, readonly string[]>>> = {
  job: ["regions", "on_region_loss", "on_conflict", "exclusive"],
  group: ["variants"],
  task: ["secrets", "volume_mounts", "templates", "artifacts"],
  network: ["allow"],
  resources: ["devices"],
};

/** A value of no kind, so that a known field says what it must be. */
const ODD = { odd: [] };

/** What is said of the field by name, or of the value that it got. */
function judge(holder: Holder, field: string): "known" | "later" | "renamed" | "unknown" {
  const parsed = parseJobValue(HOLDERS[holder]({ [field]: ODD }));
  const problems = parsed.ok ? [] : parsed.error;
  const said = problems.filter(({ path }) => new RegExp(`(^|\\.)${field}$`, "u").test(path));
  if (said.some(({ message }) => message.startsWith(`not supported yet: ${field}`))) return "later";
  if (said.some(({ message }) => /^unknown field .*; did you mean /u.test(message))) return "renamed";
  if (said.some(({ message }) => message.startsWith("unknown field"))) return "unknown";
  return "known";
}

const HOLDER_NAMES = Object.keys(NOMAD) as Holder[];

describe("Nomad's job specification", () => {
  for (const holder of HOLDER_NAMES) {
    test(`${holder}: each block and field has an answer`, () => {
      for (const field of NOMAD[holder]) assert.notEqual(judge(holder, field), "unknown", field);
    });
  }

  test("what the design adds is refused by name until it works", () => {
    for (const [holder, fields] of Object.entries(OWN) as [Holder, readonly string[]][]) {
      for (const field of fields) assert.equal(judge(holder, field), "later", `${holder} ${field}`);
    }
  });

  test("every refusal says what to do without it", () => {
    for (const holder of HOLDER_NAMES) {
      for (const field of NOMAD[holder]) {
        if (judge(holder, field) !== "later") continue;
        const parsed = parseJobValue(HOLDERS[holder]({ [field]: ODD }));
        const hints = parsed.ok ? [] : parsed.error.map(({ hint = "" }) => hint);
        assert.ok(
          hints.some((hint) => hint.length > 10),
          `${holder} ${field}`,
        );
      }
    }
  });

  test("a field that is nowhere is told so, or this test could not fail", () => {
    assert.equal(judge("task", "xylophone"), "unknown");
    assert.equal(judge("task", "driver"), "known");
    assert.equal(judge("task", "template"), "later");
    assert.equal(judge("group", "task"), "renamed");
  });
});
