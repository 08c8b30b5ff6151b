/** The catalogue's workshop as a gateway is told of it, with emulated engines, and as the simulator is. */

import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Workload } from "../../src/model/workflow.ts";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import type { Config } from "../../src/gateway/config/config.ts";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { toCluster, type ClusterAndModels } from "../../src/gateway/config/to-cluster.ts";
import { workshopModels } from "../../src/trace/annotate/models.ts";
import { parameters } from "./parameters.ts";

export type WorkshopConfigOptions = {
  readonly policy: string;
  readonly seed: number;
  readonly speed: number;
  readonly journal: string;
};

/** Waits are scaled with everything else. Plans are made in place and at once: beside a hundredfold clock a thread's answer is late. */
export function createWorkshopConfig({ policy, seed, speed, journal }: WorkshopConfigOptions): Config {
  const workshop = namedCluster("workshop");
  if (workshop === undefined) throw new Error("the catalogue has lost the workshop");
  const models = workshopModels.map(({ model }) => model);
  const document = {
    listen: { port: 0 },
    policy,
    seed,
    hosts: workshop.hosts.map(({ id, loadBytesPerSecond, loadLatencyUs, localBytesPerSecond, nicBytesPerSecond }) => ({
      id,
      loadBytesPerSecond,
      loadLatencyUs,
      localBytesPerSecond,
      nicBytesPerSecond,
    })),
    models: models.map((id) => ({ id, contextTokens: parameters.contextTokens })),
    engines: workshop.engines.map((engine) => {
      const devices = workshop.devices.filter(({ id }) => engine.devices.includes(id));
      return {
        id: engine.id,
        kind: "emulated",
        host: devices[0]?.host,
        gpu: devices[0]?.gpu,
        gpus: devices.length,
        models,
        maxResident: engine.maxResident,
        maxSequences: parameters.maxSequences,
        memoryShare: engine.memoryShare,
        kvBytes: engine.kvBytes,
        speed,
      };
    }),
    queue: {
      maxWaiting: 10_000,
      hardestWaitMs: Math.round((parameters.hardestWaitSeconds * 1000) / speed),
      giveUpMs: 600_000,
    },
    planning: { inPlaceStages: 100_000, debounceMs: 0 },
    store: { kind: "memory" },
    journal: { path: journal, maxBytes: 2 ** 40 },
    log: { level: "silent" },
  };
  return parseConfig(JSON.stringify(document), "the workshop", {});
}

/** The same machines for the simulator: what the gateway itself would plan with. */
export function workshopCluster(): ClusterAndModels {
  const config = createWorkshopConfig({ policy: "fate", seed: 1, speed: 1, journal: "none" });
  return toCluster(config);
}

/** What no policy undercuts: each model that is called is loaded once, where that is fastest. */
export function coldLoadsUs({ workflows }: Workload): number {
  const { cluster, models } = workshopCluster();
  const { engines } = createCostModel(cluster, models, shippedCalibration);
  const called = new Set(
    workflows.flatMap(({ stages }) => stages.flatMap((stage) => (stage.kind === "tool" ? [] : stage.model))),
  );
  let totalUs = 0;
  for (const model of called)
    totalUs += Math.min(...engines.map((engine) => engine.models.get(model)?.loadUs ?? Infinity));
  return totalUs;
}
