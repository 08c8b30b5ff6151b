import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { Law } from "../law.ts";

/** A record names only engines, models and hosts of the header, and workflows and stages that are open. */
export const knownNames: Law = {
  name: "known-names",
  claim:
    "every engine, host and model a record names is in the header, every workflow and stage is open, and a transferred output is a parent's",
  scope: "any",
  watch: ({ ledger, costs, report }) => {
    const hosts = new Set(costs.cluster.hosts.map((host) => host.id));
    const engine = (id: EngineId | undefined): void => {
      if (id !== undefined && ledger.engine(id) === undefined)
        report(`names engine ${id}, which is not in the cluster`);
    };
    const model = (engineId: EngineId, id: ModelId | undefined): void => {
      engine(engineId);
      const row = ledger.engine(engineId);
      if (id !== undefined && row !== undefined && !row.costs.models.has(id))
        report(`names model ${id}, which ${engineId} cannot hold`);
    };
    const stage = (key: StageKey | undefined): void => {
      if (key !== undefined && !ledger.stages.has(key)) report(`names stage ${key}, which is not revealed or over`);
    };
    const workflow = (id: WorkflowId): void => {
      if (!ledger.workflows.has(id)) report(`names workflow ${id}, which is not open`);
    };
    const share = (event: { readonly engine: EngineId; readonly stage: StageKey }): void => {
      engine(event.engine);
      stage(event.stage);
    };
    const stageOf = (event: { readonly stage: StageKey }): void => stage(event.stage);
    const engineOf = (event: { readonly engine: EngineId }): void => engine(event.engine);
    const modelOf = (event: { readonly engine: EngineId; readonly model: ModelId }): void =>
      model(event.engine, event.model);
    const parentOf = (event: { readonly stage: StageKey; readonly parent: StageKey; readonly to: string }): void => {
      if (!hosts.has(event.to)) report(`names host ${event.to}, which is not in the cluster`);
      const row = ledger.stages.get(event.stage);
      if (row !== undefined && !row.stage.parents.some((parent) => parent.stage === event.parent))
        report(`moves the output of ${event.parent}, which is no parent of ${event.stage}`);
    };
    return {
      "stage-reveal": (event) => {
        const { stage: seen } = event;
        workflow(seen.workflow);
        if (seen.kind !== "tool" && !costs.models.has(seen.model))
          report(`${seen.key} needs model ${seen.model}, which is not in the header`);
        for (const parent of seen.parents) stage(parent.stage);
      },
      "stage-ready": stageOf,
      "stage-skip": stageOf,
      "stage-drop": stageOf,
      "stage-place": (event) => {
        stage(event.stage);
        for (const placed of event.shares) engine(placed.engine);
        engine(event.decodeEngine);
      },
      "stage-redirect": (event) => {
        stage(event.stage);
        engine(event.engine);
        engine(event.decodeEngine);
      },
      "decision-reject": (event) => {
        engine(event.engine);
        stage(event.stage);
        if (event.model !== undefined && !costs.models.has(event.model))
          report(`names model ${event.model}, which is not in the header`);
      },
      "share-start": share,
      "model-evict": modelOf,
      "model-load-start": modelOf,
      "model-load-end": modelOf,
      "transfer-start": (event) => {
        share(event);
        parentOf(event);
        if (!hosts.has(event.from)) report(`names host ${event.from}, which is not in the cluster`);
      },
      "transfer-end": (event) => {
        share(event);
        parentOf(event);
      },
      "prefill-start": share,
      "prefill-end": share,
      "kv-transfer-start": (event) => {
        share(event);
        engine(event.to);
      },
      "kv-transfer-end": (event) => {
        share(event);
        engine(event.to);
      },
      "decode-start": share,
      "decode-end": share,
      "batch-step": modelOf,
      "share-preempt": share,
      "share-end": share,
      "tool-start": stageOf,
      "tool-end": stageOf,
      "stage-end": (event) => {
        stage(event.stage);
        if (event.host !== undefined && !hosts.has(event.host))
          report(`names host ${event.host}, which is not in the cluster`);
      },
      "stage-lost": stageOf,
      "stage-forgive": stageOf,
      "prefix-retain": modelOf,
      "prefix-drop": modelOf,
      "prefix-restore": modelOf,
      "cost-correct": modelOf,
      "engine-drain": engineOf,
      "engine-down": engineOf,
      "engine-up": engineOf,
      "engine-slow": engineOf,
      "role-switch-start": engineOf,
      "role-switch-end": engineOf,
      "workflow-end": (event) => workflow(event.workflow),
      "workflow-abandon": (event) => workflow(event.workflow),
    };
  },
};
