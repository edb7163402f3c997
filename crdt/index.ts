/** What other folders may see of the shared state's storage. */
export { type DocumentsOptions, openDocuments } from "./documents.ts";
export { IntentWriter, type IntentWriterOptions } from "./intent-writer.ts";
export { type LogEntry, SegmentedLog, type SegmentedLogOptions } from "./log/segmented-log.ts";
export { EntrySync, type EntrySyncWorld } from "./sync/entry-sync.ts";
