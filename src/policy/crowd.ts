/** Stages that call one model and may go to the same engines: where so many wait that only some are looked at, one crowd must not hide another. */

import type { VisibleModelStage } from "../model/visible.ts";

export type CrowdName = string;

export function crowdOf({ model, allow }: VisibleModelStage): CrowdName {
  return allow === undefined ? model : `${model} ${JSON.stringify(allow)}`;
}
