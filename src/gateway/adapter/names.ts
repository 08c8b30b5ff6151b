/** What the gateway and a server call a model. */

import type { ModelId } from "../../model/model.ts";
import type { EngineConfig } from "../config/config.ts";

/** The gateway's id for a name that a server uses; the same name where it has none. */
export type AliasOf = (name: string) => ModelId;

export type Names = {
  /** The gateway's ids for a server's name; empty for a model that the gateway does not use there. */
  readonly toOurs: (theirs: string) => readonly ModelId[];
  readonly toTheirs: (ours: ModelId) => string;
  /** All of them, without order of importance and each once. */
  readonly allOurs: (theirs: readonly string[]) => readonly ModelId[];
};

/** Names that are learned, at most. */
const maxLearned = 4096;

/**
 * With `models` in the engine's description these and no others. Without, the server's own names, or what they are aliases of:
 * those are learned from what the server lists, so that a call goes out under the server's name.
 */
export function createNames(
  config: Pick<EngineConfig, "models">,
  options: {
    readonly aliasOf?: AliasOf;
    /** Makes names equal that the server takes for the same. */
    readonly normalise?: (theirs: string) => string;
  } = {},
): Names {
  const { aliasOf = (name) => name, normalise = (name) => name } = options;
  const told = config.models;
  const learned = new Map<ModelId, string>();
  const toOurs = (theirs: string): readonly ModelId[] => {
    if (told.length > 0) return told.filter(({ as }) => normalise(as) === normalise(theirs)).map(({ id }) => id);
    const ours = aliasOf(theirs);
    if (ours !== theirs && learned.size < maxLearned) learned.set(ours, theirs);
    return [ours];
  };
  return {
    toOurs,
    toTheirs: (ours) => told.find(({ id }) => id === ours)?.as ?? learned.get(ours) ?? ours,
    allOurs: (theirs) => [...new Set(theirs.flatMap(toOurs))],
  };
}
