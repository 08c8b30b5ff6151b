/** What a model is called, by clients and by servers, and the gateway's own id of it. */

import type { ModelId } from "../../model/model.ts";
import type { ModelConfig } from "./config.ts";

/** The id behind a name or an alias; a name that the configuration does not know is its own id. */
export function createAliasOf(models: readonly Pick<ModelConfig, "id" | "aliases">[]): (name: string) => ModelId {
  const ids = new Map(models.flatMap(({ id, aliases }) => [...aliases, id].map((name) => [name, id] as const)));
  return (name) => ids.get(name) ?? name;
}
