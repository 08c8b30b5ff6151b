/** What is told of a model that nobody has. */

import type { ModelId } from "../../model/model.ts";
import type { CallFault } from "../call/call.ts";

/** Few enough to be read in a message. */
const mostNamed = 12;

export function unknownModel(name: string, models: readonly { readonly id: ModelId }[]): CallFault {
  const known = models.map(({ id }) => id);
  const some = known.length <= mostNamed ? `: there are ${known.join(", ")}` : "; see /v1/models";
  const shown = name.length > 80 ? `${name.slice(0, 80)}...` : name;
  return {
    status: 404,
    type: "invalid_request_error",
    code: "model_not_found",
    param: "model",
    message: `No engine has a model '${shown}'${known.length === 0 ? "" : some}.`,
  };
}
