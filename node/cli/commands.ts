/** Every command of this release. A command appears here only once it works. */
import { type CommandSpec, EXIT, type OptionSpec, type Parameter } from "./command.ts";
import { SHELLS } from "./completion/shells.ts";

const JOB: Parameter = { name: "JOB", kinds: ["job"] };
const ALLOCATION: Parameter = { name: "ALLOC", kinds: ["allocation", "job"] };
const TASK: Parameter = { name: "TASK", isOptional: true };
const FILE: Parameter = { name: "FILE", kinds: ["file"] };

const DETACH: OptionSpec = {
  type: "boolean",
  short: "d",
  summary: "return once it is accepted, don't watch",
};

const WHICH = ["ALLOC is the start of an allocation's id, or a job's name: its newest one."];

const FILTER: OptionSpec = {
  type: "string",
  value: { name: "EXPR" },
  summary: "only rows that match, such as 'status == \"failed\"'",
};

const CHECK_INDEX: OptionSpec = {
  type: "string",
  value: { name: "N" },
  summary: "only if the job's index is N (0: it is new)",
};

const text = (name: string, summary: string): OptionSpec => ({ type: "string", value: { name }, summary });

const machine: readonly CommandSpec[] = [
  {
    words: ["start"],
    section: "This machine",
    summary: "start this machine's peer, in the foreground",
    parameters: [],
    options: {
      name: text("NAME", "name of this node (default: the host name)"),
      region: text("NAME", "name of the region it founds (default: local)"),
      api: text("HOST:PORT", "where the API listens (default: 127.0.0.1:7337)"),
      listen: text("HOST:PORT", "where the mesh will listen (not bound yet)"),
      join: text("TICKET", "join a mesh (not in this release)"),
      pool: text("POOL", "node pool of this node: only jobs that ask for it run here"),
      datacenter: text("NAME", "datacenter of this node, for placement"),
      zone: text("NAME", "zone of this node, for placement"),
      meta: { ...text("K=V", "meta of this node, for placement"), multiple: true },
      overlay: {
        type: "string",
        value: { name: "auto|off", choices: ["auto", "off"] },
        summary: "overlay network (this release: off)",
      },
      run: { type: "string", multiple: true, value: FILE, summary: "submit a job file once it is up" },
      "log-level": {
        type: "string",
        value: { name: "LEVEL", choices: ["debug", "info", "warn", "error"] },
        summary: "debug, info, warn or error (default: warn)",
      },
    },
    details: [
      "Ctrl-C and SIGTERM stop the peer and leave its tasks running; the next start",
      "takes them up again. `peer down` stops the tasks too. With --json it prints a",
      "line for each thing that happens.",
    ],
    examples: [
      { line: "peer start", does: "an empty peer on 127.0.0.1:7337" },
      { line: "peer start --run hello.yaml", does: "and a job on it" },
      { line: "peer start --data ./data --api 127.0.0.1:0", does: "a second one, on any free port" },
    ],
    load: () => import("./commands/start.ts"),
  },
  {
    words: ["status"],
    section: "This machine",
    summary: "show the peer, or what a name or id prefix means",
    parameters: [{ name: "ID", isOptional: true, kinds: ["job", "allocation", "node"] }],
    options: {},
    details: ["ID is a job, or the start of the id of an allocation, node or evaluation."],
    examples: [
      { line: "peer status", does: "the peer and its region" },
      { line: "peer status 4f2a", does: "whatever has an id that begins so" },
    ],
    load: () => import("./commands/status.ts"),
  },
  {
    words: ["doctor"],
    section: "This machine",
    summary: "check machine and peer, and say what to mend",
    parameters: [],
    options: {},
    details: ["Exit code 1: there is a problem. -q prints the names of what is not ok."],
    examples: [{ line: "peer doctor", does: "all checks" }],
    load: () => import("./commands/doctor.ts"),
  },
  {
    words: ["down"],
    section: "This machine",
    summary: "stop the peer and all its tasks",
    parameters: [],
    options: {},
    details: ["Jobs stay known: the next `peer start` runs them again."],
    examples: [{ line: "peer down", does: "the peer of this machine" }],
    load: () => import("./commands/down.ts"),
  },
  {
    words: ["version"],
    section: "This machine",
    summary: "show the release",
    parameters: [],
    options: {},
    examples: [{ line: "peer version -q", does: "the number alone" }],
    load: () => import("./commands/version.ts"),
  },
  {
    words: ["completion"],
    section: "This machine",
    summary: "print a script for completion in a shell",
    parameters: [{ name: "SHELL", choices: SHELLS }],
    options: {},
    details: ["It completes commands, flags and ids. In zsh it comes after compinit."],
    examples: [
      { line: "source <(peer completion bash)", does: "~/.bashrc" },
      { line: "source <(peer completion zsh)", does: "~/.zshrc" },
      { line: "peer completion fish | source", does: "config.fish" },
      { line: "peer completion powershell | Out-String | Invoke-Expression", does: "$PROFILE" },
    ],
    load: () => import("./commands/completion.ts"),
  },
];

const jobs: readonly CommandSpec[] = [
  {
    words: ["job", "run"],
    aliases: [["run"]],
    section: "Jobs",
    summary: "submit a job file and watch it run",
    parameters: [FILE],
    options: { detach: DETACH, "check-index": CHECK_INDEX },
    details: [
      "FILE is YAML or JSON, - is standard input. Watching ends once a service is up",
      "(healthy, or without checks for 5 s), or a batch job is complete. Exit codes:",
      "0 so it is, 1 it failed, 2 accepted but not all of it could be placed. Ctrl-C",
      "only ends the watching: the job goes on.",
    ],
    examples: [
      { line: "peer run hello.yaml", does: "submit and watch" },
      { line: "peer run -d hello.yaml", does: "submit only" },
      { line: "sed s/v1/v2/ shop.yaml | peer run -", does: "from another program" },
    ],
    load: () => import("./commands/job/run.ts"),
  },
  {
    words: ["job", "validate"],
    section: "Jobs",
    summary: "check a job file and submit nothing",
    parameters: [FILE],
    options: {},
    examples: [{ line: "peer job validate hello.yaml", does: "all that is wrong, with lines" }],
    load: () => import("./commands/job/validate.ts"),
  },
  {
    words: ["job", "init"],
    section: "Jobs",
    summary: "write an example job file, with comments",
    parameters: [{ ...FILE, isOptional: true }],
    options: {},
    details: ["FILE is job.yaml by default, - is standard output. A file that is there stays."],
    examples: [{ line: "peer job init shop.yaml", does: "a file to begin with" }],
    load: () => import("./commands/job/init.ts"),
  },
  {
    words: ["job", "plan"],
    section: "Jobs",
    summary: "show what running a job file would change",
    parameters: [FILE],
    options: { verbose: { type: "boolean", short: "v", summary: "say of each node why it is taken or not" } },
    details: [
      "Nothing is changed. Exit code 0: nothing to change, 1: changes are pending,",
      "255: it can't be planned.",
    ],
    examples: [{ line: "peer job plan shop.yaml", does: "and how to submit just that" }],
    failureCode: EXIT.planFailed,
    load: () => import("./commands/job/plan.ts"),
  },
  {
    words: ["job", "history"],
    section: "Jobs",
    summary: "list a job's versions and what each changed",
    parameters: [JOB],
    options: { diff: { type: "boolean", short: "p", summary: "show each change in full" } },
    examples: [{ line: "peer job history -p hello", does: "newest last" }],
    load: () => import("./commands/versions/history.ts"),
  },
  {
    words: ["job", "diff"],
    section: "Jobs",
    summary: "compare two versions of a job",
    parameters: [JOB, { name: "FROM", isOptional: true }, { name: "TO", isOptional: true }],
    options: {},
    details: [
      "FROM and TO are numbers of versions or tags. Without them the newest with the",
      "one before it, with one that one with the newest.",
    ],
    examples: [
      { line: "peer job diff hello 1 3", does: "from 1 to 3" },
      { line: "peer job diff hello stable", does: "from the tagged one to the newest" },
    ],
    load: () => import("./commands/versions/diff.ts"),
  },
  {
    words: ["job", "revert"],
    section: "Jobs",
    summary: "run an earlier version of a job again",
    parameters: [JOB, { name: "VERSION|TAG" }],
    options: { detach: DETACH, "check-index": CHECK_INDEX },
    details: ["It becomes a new version; the history stays as it is."],
    examples: [
      { line: "peer job revert hello 2", does: "and watch it run" },
      { line: "peer job revert hello stable", does: "the one that was tagged so" },
    ],
    load: () => import("./commands/versions/revert.ts"),
  },
  {
    words: ["job", "scale"],
    section: "Jobs",
    summary: "change how many instances a group has",
    parameters: [JOB, { name: "GROUP", isOptional: true }, { name: "COUNT" }],
    options: { detach: DETACH, "check-index": CHECK_INDEX },
    details: [
      "The count holds beside the job file until a file changes the count itself, or",
      "the job is stopped; no version is written. GROUP may be left out where there is",
      "one.",
    ],
    examples: [{ line: "peer job scale hello 3", does: "and watch them run" }],
    load: () => import("./commands/job/scale.ts"),
  },
  {
    words: ["job", "tag"],
    section: "Jobs",
    summary: "give a version of a job a name",
    parameters: [{ name: "NAME" }, JOB, { name: "VERSION", isOptional: true }],
    options: {
      description: text("TEXT", "what it is, for people"),
      remove: { type: "boolean", summary: "take the name away" },
      "check-index": CHECK_INDEX,
    },
    details: ["A version with a name is kept. Without VERSION it is the present one."],
    examples: [
      { line: "peer job tag stable hello", does: "the present version" },
      { line: "peer job tag stable hello 3", does: "the name moves to version 3" },
      { line: "peer job tag --remove stable hello", does: "and it goes when its time comes" },
    ],
    load: () => import("./commands/versions/tag.ts"),
  },
  {
    words: ["job", "tags"],
    section: "Jobs",
    summary: "list the names of a job's versions",
    parameters: [JOB],
    options: {},
    examples: [{ line: "peer job tags hello", does: "all" }],
    load: () => import("./commands/versions/tags.ts"),
  },
  {
    words: ["job", "ls"],
    aliases: [["jobs"]],
    section: "Jobs",
    summary: "list jobs",
    parameters: [],
    options: { filter: FILTER },
    examples: [
      { line: "peer jobs", does: "all" },
      { line: "peer jobs --filter 'type == \"batch\"'", does: "some" },
    ],
    load: () => import("./commands/job/ls.ts"),
  },
  {
    words: ["job", "status"],
    section: "Jobs",
    summary: "show a job, its allocations and why any wait",
    parameters: [JOB],
    options: {},
    details: ["JOB is a name, or the start of one. -q prints the ids of its allocations."],
    examples: [{ line: "peer job status hello", does: "by name, or the start of one" }],
    load: () => import("./commands/job/status.ts"),
  },
  {
    words: ["explain"],
    section: "Jobs",
    summary: "show why instances would go where",
    parameters: [{ name: "JOB|ALLOC" }],
    options: {},
    details: ["Of an allocation: what holds for its group."],
    examples: [{ line: "peer explain hello", does: "a row a node, the best first" }],
    load: () => import("./commands/job/explain.ts"),
  },
  {
    words: ["job", "stop"],
    aliases: [["stop"]],
    section: "Jobs",
    summary: "stop a job",
    parameters: [JOB],
    options: { detach: DETACH },
    details: ["JOB is the whole name. Its allocations end as their kill_timeout allows."],
    examples: [{ line: "peer stop hello", does: "and watch until its tasks have ended" }],
    load: () => import("./commands/job/stop.ts"),
  },
];

const allocations: readonly CommandSpec[] = [
  {
    words: ["alloc", "ls"],
    aliases: [["ps"]],
    section: "Allocations, the instances of jobs",
    summary: "list allocations",
    parameters: [{ ...JOB, isOptional: true }],
    options: {
      all: { type: "boolean", short: "a", summary: "also those that ended" },
      filter: FILTER,
    },
    examples: [
      { line: "peer ps", does: "all that live" },
      { line: "peer ps -a hello", does: "of one job, with those that ended" },
      { line: "peer ps -q --filter 'health == \"unhealthy\"'", does: "ids, for scripts" },
    ],
    load: () => import("./commands/alloc/ls.ts"),
  },
  {
    words: ["alloc", "status"],
    section: "Allocations, the instances of jobs",
    summary: "show an allocation and what it uses",
    parameters: [ALLOCATION],
    options: {},
    details: WHICH,
    examples: [
      { line: "peer alloc status 4f2a", does: "by the start of its id" },
      { line: "peer alloc status hello", does: "the newest of a job" },
    ],
    load: () => import("./commands/alloc/status.ts"),
  },
  {
    words: ["alloc", "logs"],
    aliases: [["logs"]],
    section: "Allocations, the instances of jobs",
    summary: "print what a task wrote",
    parameters: [ALLOCATION, TASK],
    options: {
      follow: { type: "boolean", short: "f", summary: "go on as it writes more, until it has ended" },
      stderr: { type: "boolean", summary: "standard error instead of standard output" },
      tail: { ...text("LINES", "only the last lines (default: 100; all: everything)"), short: "n" },
    },
    details: [
      ...WHICH,
      "TASK may be left out where there is one. Following outlives a restart of the",
      "peer.",
    ],
    examples: [
      { line: "peer logs -f hello", does: "of the newest allocation of a job" },
      { line: "peer logs --stderr -n 20 4f2a app", does: "the last errors of one task" },
    ],
    load: () => import("./commands/alloc/logs.ts"),
  },
  {
    words: ["alloc", "stop"],
    section: "Allocations, the instances of jobs",
    summary: "stop an allocation; its slot is placed again",
    parameters: [ALLOCATION],
    options: { detach: DETACH },
    details: [...WHICH, "If several of the job live, none is touched."],
    examples: [{ line: "peer alloc stop 4f2a", does: "and watch until another runs in its place" }],
    load: () => import("./commands/alloc/stop.ts"),
  },
  {
    words: ["alloc", "restart"],
    section: "Allocations, the instances of jobs",
    summary: "restart an allocation's tasks where they are",
    parameters: [ALLOCATION, TASK],
    options: { detach: DETACH },
    details: [...WHICH, "If several of the job live, none is touched."],
    examples: [
      { line: "peer alloc restart 4f2a", does: "all its tasks" },
      { line: "peer alloc restart 4f2a app", does: "one of them" },
    ],
    load: () => import("./commands/alloc/restart.ts"),
  },
];

const region: readonly CommandSpec[] = [
  {
    words: ["node", "ls"],
    aliases: [["nodes"]],
    section: "Nodes, services, events",
    summary: "list nodes",
    parameters: [],
    options: { filter: FILTER },
    examples: [{ line: "peer nodes", does: "CPU and memory are what is reserved, of what there is" }],
    load: () => import("./commands/node-ls.ts"),
  },
  {
    words: ["node", "show"],
    section: "Nodes, services, events",
    summary: "show a node: drivers, resources, attributes",
    parameters: [{ name: "ID", isOptional: true, kinds: ["node"] }],
    options: {},
    examples: [{ line: "peer node show", does: "the one that answers" }],
    load: () => import("./commands/node-show.ts"),
  },
  {
    words: ["service", "ls"],
    aliases: [["services"]],
    section: "Nodes, services, events",
    summary: "list services and addresses",
    parameters: [],
    options: { filter: FILTER },
    examples: [{ line: "peer services --json", does: "for a proxy's configuration" }],
    load: () => import("./commands/service-ls.ts"),
  },
  {
    words: ["events"],
    section: "Nodes, services, events",
    summary: "print what happened, or with -f what happens",
    parameters: [],
    options: {
      follow: { type: "boolean", short: "f", summary: "from now on, as it happens" },
      index: text("CURSOR", "begin after this cursor, which --json shows"),
      job: { type: "string", value: JOB, summary: "only of this job" },
    },
    details: [
      "Without -f it prints what is kept, the newest few thousand events. Following",
      "outlives a restart of the peer.",
    ],
    examples: [
      { line: "peer events -f --job hello", does: "watch one job" },
      { line: "peer events -f --json", does: "a JSON value a line" },
    ],
    load: () => import("./commands/events.ts"),
  },
];

export const COMMANDS: readonly CommandSpec[] = [...machine, ...jobs, ...allocations, ...region];
