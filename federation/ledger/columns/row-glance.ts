import type { Allocation } from "../../model/allocation.ts";
import type { AllocationGlance } from "../view.ts";
import type { AllocationTable } from "./allocation-table.ts";
import { desiredOf, healthOf, statusOf } from "./state.ts";

/** One row after the other, read in place: nothing is made but the texts of ids that are asked for. */
export class RowGlance implements AllocationGlance {
  readonly #table: AllocationTable;
  row = 0;

  constructor(table: AllocationTable) {
    this.#table = table;
  }

  get id(): Allocation["id"] {
    return this.#table.id(this.row);
  }

  get namespace(): string {
    return this.#table.cohort(this.row).namespace;
  }

  get job(): Allocation["job"] {
    return this.#table.cohort(this.row).job;
  }

  get version(): number {
    return this.#table.cohort(this.row).version;
  }

  get group(): string {
    return this.#table.cohort(this.row).group;
  }

  get index(): number {
    return this.#table.columns.index[this.row] as number;
  }

  get nodeId(): Allocation["nodeId"] {
    return this.#table.nodeId(this.row);
  }

  get evaluation(): Allocation["evaluation"] {
    return this.#table.cohort(this.row).evaluation;
  }

  get resources(): Allocation["resources"] {
    return this.#table.cohort(this.row).resources;
  }

  get status(): Allocation["status"] {
    return statusOf(this.#state);
  }

  get desired(): Allocation["desired"] {
    return desiredOf(this.#state);
  }

  get health(): Allocation["health"] {
    return healthOf(this.#state);
  }

  get previous(): Allocation["id"] | undefined {
    return this.#table.previous(this.row);
  }

  get modifyIndex(): number {
    return this.#table.columns.modifyIndex[this.row] as number;
  }

  get modifiedAtMs(): number {
    return this.#table.columns.modifiedAtMs[this.row] as number;
  }

  get #state(): number {
    return this.#table.columns.state[this.row] as number;
  }
}
