/**
 * Lets a policy that places whole stages split them: a stage that could begin now on the engine it is sent to is split over that
 * engine and others of its host, if they could begin it now too and it then ends earlier.
 *
 * Where the policy sends a stage stays its own affair, as does what it remembers. An engine that the same plan sends another
 * stage to takes no share beside.
 */

import type { EngineId } from "../model/cluster.ts";
import type { Decision, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { toPlace } from "./greedy-finish.ts";
import { createPicture, foresee, toCandidate } from "./picture.ts";
import type { Plan, Policy, View } from "./policy.ts";
import { orShards } from "./shards.ts";

const mostShards = 2;

/** May an engine that the policy has not chosen take a share of the stage? */
export type MayJoin = (engine: EngineState, stage: VisibleModelStage, plan: Plan) => boolean;

/** For policies that send stages only to engines that hold the model. */
export const joinsIfHeld: MayJoin = ({ foreseen }, stage) => foreseen.some(({ model }) => model === stage.model);

export function withShards(policy: Policy, mayJoin: MayJoin = () => true): Policy {
  return (view) => {
    const plan = policy(view);
    if (view.ready.every(({ items }) => items < 2)) return plan;
    return { ...plan, decisions: split(view, plan, mayJoin) };
  };
}

function split(view: View, plan: Plan, mayJoin: MayJoin): readonly Decision[] {
  const picture = createPicture(view);
  const named = new Set(plan.decisions.flatMap((decision) => (decision.kind === "place" ? enginesOf(decision) : [])));
  const stages = new Map(view.ready.map((stage) => [stage.key, stage]));
  return plan.decisions.map((decision) => {
    const stage = decision.kind === "place" ? stages.get(decision.stage) : undefined;
    const [share] = decision.kind === "place" ? decision.shares : [];
    if (decision.kind !== "place" || stage === undefined || share === undefined) return decision;
    const engine = picture.cluster.engine(share.engine);
    const decodeEngine =
      decision.decodeEngine === undefined ? undefined : picture.cluster.engine(decision.decodeEngine);
    const whole = toCandidate(picture, stage, engine, decodeEngine);
    const rule = {
      including: engine,
      mayJoin: (other: EngineState) => !named.has(other.id) && mayJoin(other, stage, plan),
    };
    const chosen =
      decodeEngine === undefined ? orShards(picture, stage, whole, { mostShards, crowding: 0 }, rule) : whole;
    foresee(picture, stage, chosen);
    return chosen === whole ? decision : { ...decision, shares: toPlace(stage, chosen).shares };
  });
}

function enginesOf({ shares, decodeEngine }: Place): EngineId[] {
  return [...shares.map(({ engine }) => engine), ...(decodeEngine === undefined ? [] : [decodeEngine])];
}
