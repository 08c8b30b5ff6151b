import { shareWork } from "../../cost/share-work.ts";
import { shardUs } from "../../cost/shard.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { Law, LawContext } from "../law.ts";

/** A placement names engines that may, can and do serve the stage, and its shares are the whole stage; another decode engine comes in time. */
export const placement: Law = {
  name: "placement",
  claim:
    "the shares of a placement add up to the stage's items on distinct engines that are up, take new work, are allowed, of a fitting role, and able to hold the model and the longest answer; a stage is redirected to such an engine, another than that which prefills it, before its KV sets out",
  scope: "any",
  watch: (context) => ({
    "stage-place": (event) => {
      const { ledger, report } = context;
      const stage = ledger.stages.get(event.stage)?.stage;
      if (stage === undefined) return;
      if (stage.kind === "tool") return report(`${event.stage} is a tool and has no place`);
      let items = 0;
      for (const share of event.shares) items += share.items;
      if (items !== stage.items) report(`${event.stage} has ${stage.items} items, its shares add up to ${items}`);
      if (new Set(event.shares.map((share) => share.engine)).size !== event.shares.length)
        report(`${event.stage} has two shares on one engine`);
      if (event.decodeEngine !== undefined && event.shares.length !== 1)
        report(`${event.stage} is sharded and handed over at once`);
      for (const share of event.shares) {
        refuse(context, stage, share.engine, "prefill");
        if (event.decodeEngine === undefined && stage.kind !== "embed") refuse(context, stage, share.engine, "decode");
        if (share.cost.shardUs !== shardUs(event.shares.length))
          report(`${event.stage} expects ${share.cost.shardUs} us for ${event.shares.length} shares`);
      }
      if (event.decodeEngine !== undefined) refuse(context, stage, event.decodeEngine, "decode");
    },
    "stage-redirect": (event) => {
      const { ledger, report } = context;
      const stage = ledger.stages.get(event.stage)?.stage;
      if (stage === undefined || stage.kind === "tool") return;
      const share = ledger.engines.unsent(event);
      if (share === undefined) report(`${event.stage} is redirected, but ${event.engine} has no KV of it to send`);
      else if (share.decodeEngine === event.decodeEngine)
        report(`${event.stage} is redirected to ${event.decodeEngine}, where it goes anyway`);
      if (event.decodeEngine === event.engine) report(`${event.stage} is redirected to where it is prefilled`);
      refuse(context, stage, event.decodeEngine, "decode");
    },
  }),
};

/** Reports why the engine cannot take this phase of the stage, if so. */
function refuse(
  { ledger, report }: LawContext,
  stage: VisibleModelStage,
  id: EngineId,
  phase: "prefill" | "decode",
): void {
  const row = ledger.engine(id);
  if (row === undefined) return;
  const { engine, models } = row.costs;
  const held = models.get(stage.model);
  const { allow } = stage;
  if (row.drained) report(`${stage.key} is placed on ${id}, which drains`);
  if (allow?.avoid?.includes(id) === true) report(`${stage.key} is placed on ${id}, which failed it`);
  if (!row.up) report(`${stage.key} is placed on ${id}, which is down`);
  if (row.switching !== undefined) report(`${stage.key} is placed on ${id}, which switches to ${row.switching}`);
  if (row.role !== "both" && row.role !== phase)
    report(`${stage.key} is placed on ${id} to ${phase}, its role is ${row.role}`);
  if (allow?.engines?.includes(id) === false) report(`${stage.key} is not allowed on ${id}`);
  for (const label of allow?.labels ?? [])
    if (!engine.labels.includes(label)) report(`${stage.key} needs label ${label}, which ${id} lacks`);
  if (held === undefined) report(`${stage.key} is placed on ${id}, which cannot hold ${stage.model}`);
  else if (shareWork(stage, 1, 1, stage.limitTokens).kvTokens > held.kvCapacityTokens)
    report(`${stage.key} is placed on ${id}, whose KV memory cannot take its longest answer`);
}
