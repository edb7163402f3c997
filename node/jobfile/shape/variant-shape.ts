/** What a task is on some platforms, described once. */
import * as limits from "../limits.ts";
import { optional, type Read, type Written } from "./shape.ts";
import { choice, duration, ENV_NAME, list, map, NAME, opaque, record, scalar } from "./shapes.ts";
import { KILL_SIGNALS } from "./signals.ts";

/** What people call the platforms that nodes name otherwise. */
export const OS_ALIASES = { macos: "darwin" } as const;
export const ARCH_ALIASES = { amd64: "x64", x86_64: "x64", aarch64: "arm64" } as const;

/** As `attr.os` and `attr.arch` have them. */
const SYSTEMS = ["linux", "darwin", "windows"] as const;
const ARCHITECTURES = ["x64", "arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x"] as const;

const variantShape = record(
  "a variant",
  {
    os: optional(
      choice([...SYSTEMS, "macos"]),
      "Nodes of this system, as `attr.os` names it; `macos` is `darwin`. Default: any.",
    ),
    arch: optional(
      choice([...ARCHITECTURES, "amd64", "x86_64", "aarch64"]),
      "Nodes of this architecture, as `attr.arch` names it; `amd64` and `x86_64` are `x64`, `aarch64` is " +
        "`arm64`. Default: any.",
    ),
    driver: optional(NAME, "What runs the task there. Default: the task's."),
    config: optional(
      opaque(),
      "Laid over the task's `config`, key by key; for another driver it stands alone.",
      { hint: "write a map: config: { command: ./server.exe }" },
    ),
    env: optional(
      map("variable", ENV_NAME, scalar(limits.ENV_VALUE_LENGTH_MAX, { interpolated: true }), limits.ENV_MAX),
      "Added to the task's `env`, or in the place of its variables.",
      { hint: "write a map: env: { LOG: info }" },
    ),
    kill_signal: optional(choice(KILL_SIGNALS), "Default: the task's."),
    kill_timeout: optional(duration(0, limits.HOUR_MS), "Default: the task's."),
  },
  {
    hint: "write a map: { os: windows, config: { command: ./server.exe } }",
    renamed: { system: "os", architecture: "arch", environment: "env" },
    later: { resources: "resources are the same on all platforms: write them in the task" },
  },
);

export const variantsField = optional(
  list("variant", variantShape, limits.VARIANTS_MAX),
  "What is different on some platforms. The first variant that is for a node's is laid over the task " +
    "there. Nodes without one run the task as it is, if it has a `driver` and a `config`, else they are no " +
    "place for it.",
  { hint: "write a list: variants: [ { os: windows, config: { command: ./server.exe } } ]" },
);

export type VariantFile = Read<typeof variantShape>;
export type WrittenVariant = Written<typeof variantShape>;
