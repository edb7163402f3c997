/** What all list commands do: rows of the API as a table, as ids, or as one JSON array, page by page. */

import { type CommandContext, EXIT, stringOption } from "./command.ts";
import type { Query } from "./connection/client.ts";
import type { Cell, Column } from "./table.ts";

export interface Listing<Item> {
  readonly path: string;
  readonly query: Query;
  readonly columns: readonly Column[];
  /** Rows of the table that an item comes to. */
  readonly rows: (item: Item, nowMs: number) => readonly (readonly Cell[])[];
  readonly idOf: (item: Item) => string;
  /** What to say, and do next, when there is nothing. */
  readonly none: string;
}

export async function printList<Item>(context: CommandContext, listing: Listing<Item>): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const query = { ...listing.query, filter: stringOption(context, "filter") };
  const print = out.json
    ? jsonPrinter<Item>(context)
    : out.quiet
      ? idPrinter(context, listing)
      : rowPrinter(context, listing);
  for await (const items of client.pages<Item>(listing.path, query)) print.page(items);
  print.end();
  return EXIT.done;
}

interface Printer<Item> {
  page(items: readonly Item[]): void;
  end(): void;
}

function rowPrinter<Item>({ out, clock }: CommandContext, listing: Listing<Item>): Printer<Item> {
  const table = out.table(listing.columns);
  const nowMs = clock.nowMs();
  let isEmpty = true;
  return {
    page: (items) => {
      if (items.length === 0) return;
      isEmpty = false;
      out.lines(table.lines(items.flatMap((item) => listing.rows(item, nowMs))));
    },
    end: () => {
      if (isEmpty) out.note(listing.none);
    },
  };
}

function idPrinter<Item>({ out }: CommandContext, listing: Listing<Item>): Printer<Item> {
  return { page: (items) => out.lines(items.map(listing.idOf)), end: () => undefined };
}

/** One array, though no one holds all of it. */
function jsonPrinter<Item>({ out }: CommandContext): Printer<Item> {
  let count = 0;
  const itemText = (item: Item) => JSON.stringify(item, null, 2).replaceAll("\n", "\n  ");
  return {
    page: (items) => {
      if (items.length === 0) return;
      const before = count === 0 ? "[\n  " : ",\n  ";
      count += items.length;
      out.raw(before + items.map(itemText).join(",\n  "));
    },
    end: () => out.raw(count === 0 ? "[]\n" : "\n]\n"),
  };
}
