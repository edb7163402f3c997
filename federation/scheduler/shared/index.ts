/** Planning away from the ledger's own thread, on columns that threads share. */
export * from "./placing-desk.ts";
export * from "./placing-order.ts";
export { Reservation } from "./reservation.ts";
export { SharedNodesWriter } from "./shared-nodes.ts";
