/** What a stage is told that has waited for an engine as long as anything may. */

import type { ModelId } from "../../model/model.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { QueueConfig } from "../config/config.ts";
import { redactText } from "../observe/redact.ts";
import type { NewStage, Refusal } from "./driver.ts";

/** Why an engine that serves the model is down, if one is; says which. */
export type TroubleWith = (model: ModelId) => string | undefined;

/** What may be long are words of an engine, which the log has whole. */
const mostCharacters = 500;

/** `failure`: the last of the stage's own, as `failureOf` words it. Without one it tells what is known of the engines it waits for. */
export function toOverdue(
  stage: Pick<NewStage, "kind"> & { readonly model?: ModelId },
  failure: string | undefined,
  { giveUpMs }: QueueConfig,
  troubleWith: TroubleWith = () => undefined,
): Refusal {
  const why = failure ?? (stage.model === undefined ? undefined : troubleWith(stage.model));
  const told = why === undefined ? "" : `; ${redactText(why).slice(0, mostCharacters)}`;
  return {
    kind: "waited-too-long",
    message: `no engine took the call within ${giveUpMs / 1000} s${told}`,
    retryAfterS: 5,
  };
}

export function failureOf(engine: EngineId, message: string): string {
  return `the last try, on ${engine}, came to nothing: ${message}`;
}
