/** What people want, read from the documents: only entries that count, as one value a job. */
import {
  createCounting,
  type Host,
  type JobIntent,
  jobIntent,
  type PublicKey,
} from "../../federation/index.ts";

export type IntentReader = (document: string) => JobIntent;

export function intentReader(host: Pick<Host, "crypto" | "documents">, root: PublicKey): IntentReader {
  const counting = createCounting(root, host.crypto);
  return (document) => jobIntent(counting(host.documents.entries(document)).counting, host.crypto);
}
