/** All laws, in the order in which they look at a record. */

import type { Law } from "./law.ts";
import { accounted } from "./laws/accounted.ts";
import { amounts } from "./laws/amounts.ts";
import { batch } from "./laws/batch.ts";
import { branches } from "./laws/branches.ts";
import { durations } from "./laws/durations.ts";
import { health } from "./laws/health.ts";
import { knownNames } from "./laws/known-names.ts";
import { kvMemory } from "./laws/kv-memory.ts";
import { memory } from "./laws/memory.ts";
import { noGaps } from "./laws/no-gaps.ts";
import { onceOnly } from "./laws/once-only.ts";
import { placement } from "./laws/placement.ts";
import { planned } from "./laws/planned.ts";
import { precedence } from "./laws/precedence.ts";
import { prefix } from "./laws/prefix.ts";
import { queueOrder } from "./laws/queue-order.ts";
import { reachability } from "./laws/reachability.ts";
import { rejects } from "./laws/rejects.ts";
import { reveal } from "./laws/reveal.ts";
import { roles } from "./laws/roles.ts";
import { serialWays } from "./laws/serial-ways.ts";
import { slots } from "./laws/slots.ts";
import { timeOrder } from "./laws/time-order.ts";
import { wallOnly } from "./laws/wall-only.ts";

export const laws: readonly Law[] = [
  timeOrder,
  wallOnly,
  knownNames,
  reveal,
  planned,
  rejects,
  placement,
  precedence,
  branches,
  onceOnly,
  queueOrder,
  slots,
  memory,
  kvMemory,
  batch,
  amounts,
  prefix,
  reachability,
  serialWays,
  durations,
  noGaps,
  health,
  roles,
  accounted,
];
