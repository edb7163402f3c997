import type { ServiceRow } from "../../api/index.ts";
import type { CommandContext } from "../command.ts";
import { formatAddress, shortId } from "../format.ts";
import { printList } from "../listing.ts";
import { namespaceOf } from "../lookup.ts";
import { statusCell } from "../output.ts";

export function run(context: CommandContext): Promise<number> {
  return printList<ServiceRow>(context, {
    path: "/v1/services",
    query: { namespace: namespaceOf(context) },
    columns: [
      { header: "service", isFlexible: true },
      ...["address", "health"].map((header) => ({ header })),
      { header: "job", isFlexible: true },
      { header: "alloc" },
      { header: "tags", isFlexible: true },
    ],
    rows: (service) =>
      service.instances.map((instance) => [
        service.name,
        instance.port === null ? instance.address : formatAddress(instance.address, instance.port),
        instance.health === "none" ? "-" : statusCell(instance.health),
        instance.job,
        shortId(instance.allocation_id),
        service.tags.length === 0 ? "-" : service.tags.join(","),
      ]),
    idOf: (service) => service.name,
    none: "no service has a running instance",
  });
}
