/** Job files: text or JSON to the model and back, with errors that name the place and the next step. */
export { type Change, type DiffEntry, diffJobs, diffWritten } from "./diff.ts";
export { formatJobFile } from "./format.ts";
export { COUNT_MAX } from "./limits.ts";
export { type ParsedJob, parseJobFile, parseJobValue } from "./parse.ts";
export { describeProblems } from "./problem-text.ts";
export { jobFileSchema } from "./shape/json-schema.ts";
export { jobFileReference } from "./shape/reference.ts";
export { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";
