/** Whether a text is of a shape. Keys and values are held to the same. */
import { quote } from "../findings.ts";
import type { TextShape } from "./shape.ts";

const patterns = new Map<string, RegExp>();

export function matchesText(shape: TextShape, value: string): boolean {
  if (shape.pattern === undefined) return true;
  let pattern = patterns.get(shape.pattern);
  if (pattern === undefined) {
    pattern = new RegExp(shape.pattern, "u");
    patterns.set(shape.pattern, pattern);
  }
  return pattern.test(value);
}

/** What is wrong with a text, if anything. */
export function textProblem(shape: TextShape, value: string): string | undefined {
  if (shape.lengthMin > 0 && value === "") return `must be ${shape.what}; this is empty`;
  if (longerThan(value, shape.lengthMax)) return `must be ${shape.what}; ${tooLong(shape.lengthMax)}`;
  if (!matchesText(shape, value)) return `must be ${shape.what}; this is ${quote(value)}`;
  if (shape.reserved?.includes(value) === true) return `${quote(value)} is reserved; choose another name`;
  return undefined;
}

export function tooLong(lengthMax: number): string {
  return `this is longer than ${lengthMax} characters`;
}

/** In characters, as JSON Schema counts. */
export function longerThan(value: string, lengthMax: number): boolean {
  return value.length > lengthMax && [...value].length > lengthMax;
}
