/** Agents of all kinds beside each other. */

import { drawWeighted } from "../../random/distributions.ts";
import { bfcl } from "./bfcl.ts";
import { chat } from "./chat.ts";
import type { Family } from "./family.ts";
import { lats } from "./lats.ts";
import { mapred } from "./mapred.ts";
import { agentModel } from "./script.ts";

const shares = [
  [chat, 40],
  [bfcl, 30],
  [lats, 20],
  [mapred, 10],
] as const;

export const mixed: Family = {
  summary: "40% chat, 30% bfcl, 20% lats, 10% mapred",
  model: agentModel,
  generate: (request) => drawWeighted<Family>(request.rng.stream("kind"), shares).generate(request),
};
