/**
 * Versions and what is asked of them, for the operators `version` and `semver`. The first follows
 * hashicorp/go-version, which Nomad uses for it; the second follows Nomad's own variant: only what Semantic
 * Versioning 2 calls a version, no `~>`, and pre-releases stand where that order puts them.
 */

/** `version` reads `1.0beta1` too, `semver` does not. */
export type VersionForm = "version" | "semver";

export interface Version {
  /** At least three: what is not written is 0. */
  readonly segments: readonly number[];
  /** Segments that were written. */
  readonly written: number;
  /** Empty for a release. Build metadata is of no account. */
  readonly prerelease: string;
}

/** Longer texts are no versions to us; it also bounds the work of the patterns. */
export const VERSION_LENGTH_MAX = 256;
/** Parts of one text such as `>= 1.2, < 2.0`. */
export const VERSION_PARTS_MAX = 16;

const SEGMENTS_MIN = 3;
const TAIL = "(?:\\.[0-9A-Za-z~-]+)*";
const PRERELEASE = `-([0-9][0-9A-Za-z~-]*${TAIL})`;
const METADATA = `(?:\\+[0-9A-Za-z~-]+${TAIL})?`;
const FORMS: Readonly<Record<VersionForm, RegExp>> = {
  version: new RegExp(
    `^v?(\\d+(?:\\.\\d+)*)(?:${PRERELEASE}|-?([A-Za-z~-][0-9A-Za-z~-]*${TAIL}))?${METADATA}$`,
  ),
  semver: new RegExp(
    `^v?(\\d+(?:\\.\\d+)*)(?:${PRERELEASE}|-([A-Za-z~-][0-9A-Za-z~-]*${TAIL}))?${METADATA}$`,
  ),
};

/** Undefined where the text is no version. */
export function parseVersion(text: string, form: VersionForm): Version | undefined {
  if (text.length > VERSION_LENGTH_MAX) return undefined;
  const match = FORMS[form].exec(text);
  if (match === null) return undefined;
  const segments = (match[1] ?? "").split(".").map(Number);
  if (!segments.every(Number.isSafeInteger)) return undefined;
  const written = segments.length;
  while (segments.length < SEGMENTS_MIN) segments.push(0);
  return { segments, written, prerelease: match[2] ?? match[3] ?? "" };
}

type Part = (version: Version) => boolean;

const PART = /^\s*(=|!=|>=|<=|>|<|~>|)\s*(\S+)\s*$/;

/** A judge of versions from a text such as `>= 1.2, < 2.0`; undefined where the text is none. */
export function parseVersionWish(
  text: string,
  form: VersionForm,
): ((version: string) => boolean) | undefined {
  const texts = text.split(",");
  if (texts.length > VERSION_PARTS_MAX) return undefined;
  const parts: Part[] = [];
  for (const each of texts) {
    const part = parsePart(each, form);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return (asked) => {
    const version = parseVersion(asked.trim(), form);
    return version !== undefined && parts.every((part) => part(version));
  };
}

function parsePart(text: string, form: VersionForm): Part | undefined {
  const [, operator = "", written = ""] = PART.exec(text) ?? [];
  const wanted = parseVersion(written, form);
  if (wanted === undefined) return undefined;
  const accepts = (version: Version) => form === "semver" || isComparable(version, wanted);
  switch (operator) {
    case "":
    case "=":
      return (version) => compareVersions(version, wanted) === 0;
    case "!=":
      return (version) => compareVersions(version, wanted) !== 0;
    case ">":
      return (version) => accepts(version) && compareVersions(version, wanted) > 0;
    case ">=":
      return (version) => accepts(version) && compareVersions(version, wanted) >= 0;
    case "<":
      return (version) => accepts(version) && compareVersions(version, wanted) < 0;
    case "<=":
      return (version) => accepts(version) && compareVersions(version, wanted) <= 0;
    default:
      return form === "semver" ? undefined : (version) => accepts(version) && isCloseTo(version, wanted);
  }
}

/** A pre-release is judged only by a wish that names a pre-release of the same version. */
function isComparable(version: Version, wanted: Version): boolean {
  if (version.prerelease === "") return true;
  return wanted.prerelease !== "" && compareSegments(version.segments, wanted.segments) === 0;
}

/** `~> 1.2.3`: at least that, and only the last of the written segments may grow. */
function isCloseTo(version: Version, wanted: Version): boolean {
  if (wanted.prerelease !== "" && version.prerelease === "") return false;
  if (compareVersions(version, wanted) < 0) return false;
  const { segments } = wanted;
  if (segments.length > version.segments.length) return false;
  const fixed = segments.slice(0, wanted.written - 1);
  if (fixed.some((segment, at) => segment !== version.segments[at])) return false;
  return (segments.at(-1) ?? 0) <= (version.segments[segments.length - 1] ?? 0);
}

/** Negative, 0 or positive, as Semantic Versioning 2 orders them. */
export function compareVersions(left: Version, right: Version): number {
  const segments = compareSegments(left.segments, right.segments);
  if (segments !== 0 || left.prerelease === right.prerelease) return segments;
  if (left.prerelease === "") return 1;
  if (right.prerelease === "") return -1;
  return comparePrereleases(left.prerelease.split("."), right.prerelease.split("."));
}

function compareSegments(left: readonly number[], right: readonly number[]): number {
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const order = compareIdentifiers(left[at], right[at]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers before words. Where one list ends, go-version has it before a number, but after a word. */
function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return isNumber(right) ? -1 : 1;
  if (right === undefined) return isNumber(left) ? 1 : -1;
  if (isNumber(left) && isNumber(right)) return Number(left) - Number(right);
  if (isNumber(left) !== isNumber(right)) return isNumber(left) ? -1 : 1;
  return left > right ? 1 : -1;
}

function isNumber(identifier: string | undefined): boolean {
  return identifier !== undefined && /^\d+$/.test(identifier);
}
