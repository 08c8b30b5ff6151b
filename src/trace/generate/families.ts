/** All families of generated workflows, by name. */

import { bfcl } from "./bfcl.ts";
import { chat } from "./chat.ts";
import { deepChain, wideFan } from "./extremes.ts";
import type { Family } from "./family.ts";
import { lats } from "./lats.ts";
import { mapred } from "./mapred.ts";
import { mixed } from "./mixed.ts";
import { mapReduce, rag } from "./retrieval.ts";
import { chain, fan, tree } from "./shared-prefix.ts";
import { wfcommons, wfcommonsFamilies } from "./wfcommons.ts";

export const families: { readonly [name: string]: Family } = {
  ...wfcommonsFamilies,
  wfcommons,
  "deep-chain": deepChain,
  "wide-fan": wideFan,
  chat,
  bfcl,
  lats,
  mapred,
  mixed,
  rag,
  "map-reduce": mapReduce,
  chain,
  fan,
  tree,
};
