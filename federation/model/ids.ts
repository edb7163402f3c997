/** Branded identifiers. Nothing that came over a wire becomes one without passing its check. */
export type NodeId = string & { readonly __brand: "NodeId" };
export type RegionId = string & { readonly __brand: "RegionId" };
export type JobId = string & { readonly __brand: "JobId" };
export type AllocationId = string & { readonly __brand: "AllocationId" };
export type EvaluationId = string & { readonly __brand: "EvaluationId" };

export const NAME_LENGTH_MAX = 63;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/**
 * Letters, digits and `-_.`, at most 63, not starting with a dot or dash: safe as a file name, in a URL, as a
 * key.
 */
export function isName(text: string): boolean {
  return text.length <= NAME_LENGTH_MAX && NAME.test(text) && text !== "__proto__";
}

/** A job is named by namespace and id; the key is used in maps, document names and logs. */
export function jobKey(namespace: string, job: string): string {
  return `${namespace}/${job}`;
}
