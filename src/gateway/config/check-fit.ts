/** Emulated engines hold no more than their GPU does: one that can hold none of its models has nothing to serve. */

import type { Config } from "./config.ts";
import { fault, type Fault } from "./fault.ts";
import { gpuOf } from "./gpu-of.ts";
import { toCluster } from "./to-cluster.ts";

/** For a configuration whose names resolve. */
export function* checkFit(config: Config): Generator<Fault> {
  for (const [index, engine] of config.engines.entries()) {
    const { id, kind, url, gpus, models } = engine;
    if (kind !== "emulated" || url !== undefined) continue;
    const { cluster } = toCluster({ ...config, engines: [engine] });
    if ((cluster.engines[0]?.models ?? []).length > 0) continue;
    const names = models.map((model) => model.id).join(", ");
    const which = models.length === 1 ? "which does not fit" : "of which none fits";
    yield fault(
      ["engines", index, "models"],
      `${names}, ${which} on the ${gpus} x ${gpuOf(engine).gpu.id} of engine ${id}`,
      "a smaller model, more or larger GPUs, or less kvBytes",
    );
  }
}
