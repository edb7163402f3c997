import type { ServiceRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { shortId } from "../format.ts";
import { table } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const services = await (await context.client()).list<ServiceRow>("/v1/services");
  if (out.json) out.value(services);
  else if (out.quiet) for (const service of services) out.line(service.name);
  else {
    const rows = services.flatMap((service) =>
      service.instances.map((instance) => [
        service.name,
        `${instance.address}:${instance.port ?? "-"}`,
        instance.health === "none" ? "-" : out.status(instance.health),
        instance.job,
        shortId(instance.allocation_id),
        service.tags.join(","),
      ]),
    );
    for (const line of table(["service", "address", "health", "job", "alloc", "tags"], rows)) out.line(line);
  }
  return EXIT.done;
}
