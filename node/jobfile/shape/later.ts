/**
 * Fields that a Nomad user or a reader of the design will try and this release lacks. They are refused by
 * name: a field that is silently ignored is a promise that nobody keeps. Each moves to `job-shape.ts` with
 * its machinery.
 */

type Later = Readonly<Record<string, string>>;

const IN_TASK = "write them in each task: variants: [ { os: windows, config: { … } } ]";
const ONE_REGION = "remove it: the job runs in the region it is submitted to";
const SECRETS = "remove it: there is no secrets store yet; whoever can read the job can read its env";
const CONSUL = "remove it: services are found through the mesh itself";
const AT_ONCE = "remove it: instances are moved only as `update` paces a change";
const NO_CANARY =
  "remove it: canaries and their promotion come later; `max_parallel: 1` tries one instance first";
const NO_DISCONNECT = "remove it: there is no policy for disconnected nodes yet";
const NO_SCALING = "remove it and change count";
const NO_TAGS = "remove it and use meta";
const NO_VARIABLES = "remove it and write the values themselves";
const PLACE_FILES = "remove it and put the files on the node beforehand";

export const JOB_LATER: Later = {
  region: ONE_REGION,
  regions: ONE_REGION,
  multiregion: ONE_REGION,
  on_region_loss: ONE_REGION,
  on_conflict: "remove it: a version that loses a conflict is listed, the winner runs",
  migrate: AT_ONCE,
  all_at_once: "remove it: what fits is placed, the rest waits",
  periodic: "remove it and submit the job from cron for now",
  parameterized: "remove it and submit one job for each set of parameters",
  restart: 'write it in each group: "restart: { attempts: 3 }"',
  reschedule: 'write it in each group: "reschedule: { unlimited: true }"',
  exclusive: 'write it in each group: "exclusive: true"',
  vault: SECRETS,
  consul: CONSUL,
  vault_token: SECRETS,
  vault_namespace: SECRETS,
  consul_token: CONSUL,
  consul_namespace: CONSUL,
  disconnect: NO_DISCONNECT,
  shutdown_delay: 'write it in each group: "shutdown_delay: 5s"',
  scaling: NO_SCALING,
  version_tag: NO_TAGS,
  tag: NO_TAGS,
  ui: "remove it and use meta",
  variable: NO_VARIABLES,
  variables: NO_VARIABLES,
  locals: NO_VARIABLES,
};

export const UPDATE_LATER: Later = {
  canary: NO_CANARY,
  auto_promote: NO_CANARY,
  auto_revert: "remove it: a bad rollout pauses; submit the former job file again to go back",
  health_check: "remove it: all tasks must run and all checks of the group pass",
  stagger: "remove it: `min_healthy_time` is the pause between instances",
};

export const GROUP_LATER: Later = {
  variants: IN_TASK,
  migrate: AT_ONCE,
  disconnect: NO_DISCONNECT,
  max_client_disconnect: NO_DISCONNECT,
  stop_after_client_disconnect: "remove it: running tasks stay while their node is cut off",
  prevent_reschedule_on_lost: 'remove it; "reschedule: { attempts: 0, unlimited: false }" never reschedules',
  volume: PLACE_FILES,
  volumes: PLACE_FILES,
  scaling: NO_SCALING,
  max_run_duration: "remove it: a task runs until it ends",
  consul: CONSUL,
  vault: SECRETS,
  secrets: SECRETS,
};

export const NETWORK_LATER: Later = {
  mode: "remove it: tasks use the network of their node",
  allow: "remove it: there are no network rules yet",
  dns: "remove it: tasks use the resolver of their node",
  hostname: "remove it: tasks have the host name of their node",
  cni: "remove it: tasks use the network of their node",
  mbits: "remove it: bandwidth is not counted",
  device: "remove it: tasks use the network of their node",
};

export const PORT_LATER: Later = {
  host_network: "remove it: ports are on the address of the node",
  ignore_collision: "remove it: a static port has one owner on each node",
};

export const SERVICE_LATER: Later = {
  provider: "remove it: there is one catalog, the mesh itself",
  address: "remove it: the address is that of the node",
  address_mode: "remove it: the address is that of the node",
  canary_tags: "remove it: there are no canaries yet",
  canary_meta: "remove it: there are no canaries yet",
  check_restart: "remove it: an unhealthy check is shown, the task is not restarted by it",
  connect: CONSUL,
  enable_tag_override: CONSUL,
  identity: CONSUL,
  kind: CONSUL,
  cluster: CONSUL,
  meta: "remove it and use tags",
  on_update: AT_ONCE,
  tagged_addresses: CONSUL,
  task: "remove it: services belong to the group; a script check names its task",
  weights: "remove it: all instances weigh the same",
};

export const CHECK_LATER: Later = {
  address_mode: "remove it: checks use the address of the node",
  advertise: CONSUL,
  body: "remove it: http checks send no body",
  check_restart: "remove it: an unhealthy check is shown, the task is not restarted by it",
  expose: CONSUL,
  failures_before_warning: "use failures_before_critical",
  grpc_service: 'use "type: tcp" or "type: script"',
  grpc_use_tls: 'use "type: tcp" or "type: script"',
  header: "remove it: http checks send no headers of your own",
  headers: "remove it: http checks send no headers of your own",
  initial_status: "remove it: a check is unknown until its first answer",
  notes: "write a comment instead",
  on_update: AT_ONCE,
  protocol: 'http checks speak plain http; use "type: tcp" for https',
  tls_server_name: 'http checks speak plain http; use "type: tcp" for https',
  tls_skip_verify: 'http checks speak plain http; use "type: tcp" for https',
};

export const TASK_LATER: Later = {
  action: "remove it and use a script",
  actions: "remove it and use a script",
  artifact: PLACE_FILES,
  artifacts: PLACE_FILES,
  consul: CONSUL,
  csi_plugin: PLACE_FILES,
  dispatch_payload: "remove it and use env",
  identity: "remove it: tasks have no identity of their own yet",
  scaling: NO_SCALING,
  schedule: "remove it and submit the job from cron for now",
  secret: SECRETS,
  secrets: SECRETS,
  template: PLACE_FILES,
  templates: PLACE_FILES,
  user: "remove it: tasks run as the user of the peer",
  kind: CONSUL,
  service: "write it in the group: services: [ { name: web, port: http } ]",
  services: "write it in the group: services: [ { name: web, port: http } ]",
  vault: SECRETS,
  volume_mount: PLACE_FILES,
  volume_mounts: PLACE_FILES,
};

export const RESOURCES_LATER: Later = {
  disk: "disk belongs to the group: ephemeral_disk: { size: 300MB }",
  disk_mb: "disk belongs to the group: ephemeral_disk: { size: 300MB }",
  iops: "remove it: operations are not counted",
  device: "remove it: devices are not counted",
  devices: "remove it: devices are not counted",
  network: "ports belong to the group: network: { ports: { http: {} } }",
  numa: "remove it: tasks run on any core",
  secrets: "remove it: there is no secrets directory yet",
};

export const RESTART_LATER: Later = { render_templates: "remove it: there are no templates yet" };

export const DISK_LATER: Later = {
  migrate: "remove it: a new allocation starts with an empty directory",
  sticky: "remove it: a new allocation starts with an empty directory",
};

export const LOGS_LATER: Later = {
  disabled: 'remove it; "max_files: 1" keeps least',
  enabled: 'remove it; "max_files: 1" keeps least',
  forward: "remove it: logs stay on the node",
};
