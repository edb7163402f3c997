/** Bounds of a job file. Everything that is read is bounded, so that no input can hold the peer up. */

export const TEXT_BYTES_MAX = 1024 * 1024;
/** A job file of 8,000 lines has about 50,000. What is denser costs the YAML reader more than it is worth. */
export const YAML_TOKENS_MAX = 50_000;
/** Maps, lists and values, aliases counted each time they are used. */
export const NODES_MAX = 50_000;
/** Characters of all texts together, aliases counted each time they are used. */
export const CHARACTERS_MAX = 2 ** 20;
export const DEPTH_MAX = 40;
/** Problems told at once; the rest is counted. */
export const PROBLEMS_MAX = 50;
/** A syntax error confuses what follows it, so only the first few are worth reading. */
export const SYNTAX_PROBLEMS_MAX = 5;

export const GROUPS_MAX = 100;
export const TASKS_MAX = 32;
export const VARIANTS_MAX = 32;
export const PORTS_MAX = 64;
export const SERVICES_MAX = 64;
export const CHECKS_MAX = 16;
export const TAGS_MAX = 64;
export const ARGUMENTS_MAX = 256;
export const META_MAX = 128;
export const ENV_MAX = 512;
export const CONSTRAINTS_MAX = 64;
export const AFFINITIES_MAX = 64;
export const SPREADS_MAX = 16;
export const TARGETS_MAX = 64;
export const NEIGHBOURS_MAX = 32;
export const DATACENTERS_MAX = 64;

export const COUNT_MAX = 10_000;
export const PORT_MAX = 65_535;
export const ATTEMPTS_MAX = 1_000;
export const CPU_MAX = 1_000_000;
export const CORES_MAX = 1_000;
export const MEMORY_BYTES_MIN = 2 ** 20;
export const MEMORY_BYTES_MAX = 2 ** 46;
export const WEIGHT_MAX = 100;
export const DISK_BYTES_MIN = 2 ** 20;
export const DISK_BYTES_MAX = 2 ** 50;
export const LOG_FILES_MAX = 1_000;
export const LOG_FILE_BYTES_MIN = 2 ** 10;
export const LOG_FILE_BYTES_MAX = 2 ** 40;

/** Windows takes 32,767 characters for a variable with its name; the tightest of the three systems. */
export const ENV_VALUE_LENGTH_MAX = 32_000;
export const META_VALUE_LENGTH_MAX = 4_096;
export const TAG_LENGTH_MAX = 255;
export const CHECK_NAME_LENGTH_MAX = 128;
export const CHECK_TEXT_LENGTH_MAX = 4_096;
export const KEY_LENGTH_MAX = 128;
/** A key of meta or of an attribute, with what stands before it. */
export const ATTRIBUTE_LENGTH_MAX = 160;
export const PLACEMENT_VALUE_LENGTH_MAX = 1_024;

export const SECOND_MS = 1_000;
export const HOUR_MS = 3_600_000;
export const DURATION_MS_MAX = 365 * 24 * HOUR_MS;
