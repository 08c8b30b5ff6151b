/**
 * The next state, given a record of the journal. Nothing else changes state.
 * A record that does not fit the state is a mistake of ours and stops the run.
 */

import { strict as assert } from "node:assert";
import { avoiding, avoidingNobody } from "../model/avoidance.ts";
import type { HostId } from "../model/cluster.ts";
import type { JournalEvent, StageReady } from "../model/event.ts";
import type { EngineHolding } from "../model/holding.ts";
import { chainTokens } from "../model/prefix.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import { applyToCluster } from "./apply-to-cluster.ts";
import { ClusterState } from "./cluster-state.ts";
import { WorkflowState, type StageNode } from "./workflow-state.ts";

export type State = {
  readonly cluster: ClusterState;
  readonly workflows: WorkflowState;
};

export function createState(holdings: readonly EngineHolding[], linksOutputs = true): State {
  return { cluster: ClusterState.create(holdings, linksOutputs), workflows: new WorkflowState() };
}

export function apply(state: State, event: JournalEvent): void {
  applyToCluster(state.cluster, (key) => state.workflows.node(key).stage, event);
  applyToWorkflows(state.workflows, event);
}

function applyToWorkflows(workflows: WorkflowState, event: JournalEvent): void {
  switch (event.kind) {
    case "workflow-arrive": {
      if (workflows.open.has(event.workflow)) throw new Error(`workflow ${event.workflow} is open already`);
      const { kind: _kind, sequence: _sequence, atUs, workflow: id, ...told } = event;
      workflows.open.set(id, { id, arriveUs: atUs, ...told, stages: new Map(), openStages: 0 });
      return;
    }
    case "stage-reveal": {
      const workflow = workflows.open.get(event.stage.workflow);
      if (workflow === undefined) throw new Error(`workflow ${event.stage.workflow} is not open`);
      workflows.reveal(workflow, event.stage);
      return;
    }
    case "stage-ready": {
      const node = workflows.node(event.stage);
      node.stage = withKnownLengths(withoutChance(node.stage), event);
      node.attempt = event.attempt ?? 0;
      workflows.makeReady(node, event.atUs);
      return;
    }
    case "stage-place": {
      const node = workflows.node(event.stage);
      workflows.takeReady(event.stage);
      node.status = "placed";
      node.shares = event.shares;
      node.sharesLeft = event.shares.length;
      workflows.placedCount += 1;
      return;
    }
    case "stage-redirect": {
      const node = workflows.node(event.stage);
      node.shares = node.shares.map((share) => ({ ...share, cost: { ...share.cost, decodeUs: event.decodeUs } }));
      return;
    }
    case "tool-start":
    case "share-start":
      workflows.node(event.stage).status = "running";
      return;
    case "share-end":
      if (event.phase !== "prefill") workflows.node(event.stage).sharesLeft -= 1;
      return;
    case "transfer-end":
      addOutputHost(workflows.node(event.parent), event.to);
      return;
    case "stage-end": {
      const node = workflows.node(event.stage);
      node.outputTokens = event.outputTokens;
      node.outputHosts = event.host === undefined ? [] : [event.host];
      workflows.end(node, event.atUs);
      return;
    }
    case "stage-skip": {
      const node = workflows.node(event.stage);
      assert(node.status === "waiting", `stage ${event.stage} is skipped but ${node.status}`);
      node.skipped = true;
      workflows.end(node, event.atUs);
      return;
    }
    case "stage-drop": {
      const node = workflows.node(event.stage);
      if (node.status === "ready" && node.stage.kind !== "tool") workflows.takeReady(event.stage);
      node.skipped = true;
      workflows.end(node, event.atUs);
      return;
    }
    case "stage-lost": {
      const node = workflows.node(event.stage);
      if (event.avoid !== undefined && node.stage.kind !== "tool") node.stage = avoiding(node.stage, event.avoid);
      node.attempt = event.attempt + 1;
      node.shares = [];
      node.sharesLeft = 0;
      workflows.makeReady(node, event.atUs);
      return;
    }
    case "stage-forgive": {
      const node = workflows.node(event.stage);
      if (node.stage.kind === "tool") return;
      const stage = avoidingNobody(node.stage);
      node.stage = stage;
      workflows.replaceReady(stage);
      return;
    }
    case "workflow-end":
    case "workflow-abandon": {
      const workflow = workflows.open.get(event.workflow);
      if (workflow === undefined) throw new Error(`workflow ${event.workflow} is not open`);
      workflows.close(workflow);
      return;
    }
    default:
      return;
  }
}

/** A stage that is ready will run. */
function withoutChance(stage: VisibleStage): VisibleStage {
  if (stage.chance === undefined) return stage;
  const { chance: _chance, ...certain } = stage;
  return certain;
}

function withKnownLengths(stage: VisibleStage, { chainTokens: tokens }: StageReady): VisibleStage {
  if (tokens === undefined || stage.kind === "tool") return stage;
  const chain = stage.chain.map((link, index) => ({ hash: link.hash, tokens: tokens[index] ?? link.tokens }));
  return { ...stage, chain, promptTokens: chainTokens(chain) } satisfies VisibleModelStage;
}

function addOutputHost(node: StageNode, host: HostId): void {
  if (!node.outputHosts.includes(host)) node.outputHosts = [...node.outputHosts, host];
}
