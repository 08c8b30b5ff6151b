/** Engines that are found rather than named, as they would be found now. */

import { toEngineAt } from "../../adapter/discovery-dns.ts";
import { InputError } from "../../../trace/input-error.ts";
import type { Config, EngineConfig } from "../config.ts";
import { parseEngineFile } from "../discovered.ts";
import { addEngines } from "../fill-in.ts";
import { finding, showCount, type Finding } from "./finding.ts";
import { codeOf } from "./inspect-machine.ts";
import type { Surroundings } from "./surroundings.ts";

/** So many addresses of one name are looked at. */
const mostAddresses = 64;

export type Discovered = { readonly findings: readonly Finding[]; readonly config: Config };

export async function inspectDiscovery(config: Config, world: Surroundings): Promise<Discovered> {
  const findings: Finding[] = [];
  const found: EngineConfig[] = [];
  const { file, dns } = config.discovery;
  if (file !== undefined)
    try {
      const engines = parseEngineFile(config, await world.read(file), file);
      findings.push(finding("fine", "discovery", `${showCount(engines.length, "engine")} in ${file}`));
      found.push(...engines);
    } catch (error) {
      findings.push(
        error instanceof InputError
          ? finding("fault", "discovery", error.message)
          : finding("fault", "discovery", `${file} cannot be read (${codeOf(error)})`, "mend the path or its rights"),
      );
    }
  for (const each of dns) {
    try {
      const addresses = [...new Set(await world.resolve(each.name))].sort();
      findings.push(
        finding("fine", "discovery", `${each.name} has ${showCount(addresses.length, "address", "addresses")}`),
      );
      found.push(...addresses.slice(0, mostAddresses).map((address) => toEngineAt(each, address)));
    } catch (error) {
      findings.push(finding("fault", "discovery", `${each.name} does not resolve (${codeOf(error)})`, "mend the name"));
    }
  }
  return { findings, config: addEngines(config, found) };
}
