/**
 * The known name that somebody most likely meant: optimal string alignment distance (Damerau), at most a
 * third off.
 */
const NAME_LENGTH_MAX = 64;

export function nearest(given: string, known: Iterable<string>): string | undefined {
  if (given.length === 0 || given.length > NAME_LENGTH_MAX) return undefined;
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const allowed = Math.max(1, Math.floor(Math.max(given.length, name.length) / 3));
    if (Math.abs(given.length - name.length) > allowed) continue;
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance <= allowed && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name;
}

function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      let distance = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + cost,
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
