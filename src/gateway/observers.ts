/** What looks on while a gateway works: counters always, traces where the configuration says where to. */

import { createOtlpExporter, type OtlpExporter } from "../wire/otlp.ts";
import { headersFrom } from "./config/variables.ts";
import type { EngineSide } from "./engine-side.ts";
import type { Ground } from "./ground.ts";
import type { Group } from "./group.ts";
import type { DriverOptions, LiveDriver } from "./live/create-driver.ts";
import type { Cluster } from "../model/cluster.ts";
import { createMetrics, type Metrics } from "./observe/metrics.ts";
import { createTraces, type Traces } from "./observe/traces.ts";

/** Undefined where no traces are asked for. */
export function createExporter({ env, now }: Ground): OtlpExporter | undefined {
  const { endpoint, headersFromEnv, serviceName } = now.config.traces;
  if (endpoint === undefined) return undefined;
  const headers = headersFrom(headersFromEnv, env);
  return createOtlpExporter({ endpoint, headers, resource: { "service.name": serviceName } });
}

/** Counters, with what is counted elsewhere. */
export function countFor(
  { now }: Ground,
  cluster: Cluster,
  {
    engines,
    group,
    exporter,
  }: { readonly engines: EngineSide; readonly group: Group; readonly exporter: OtlpExporter | undefined },
): Metrics {
  return createMetrics({
    engines: cluster.engines.map(({ id, resident }) => ({ id, resident })),
    sources: {
      journalBytes: () => engines.driver.journalBytes(),
      breakers: () => engines.fleet.breakers(),
      ...(exporter === undefined ? {} : { spans: () => exporter.counts() }),
      ...(now.config.replicas === undefined ? {} : { replica: () => group.replica?.status() }),
    },
  });
}

/** What the driver tells of itself, counted. */
export function countDriver(metrics: Metrics): Pick<DriverOptions, "onEvent" | "onPlanned"> {
  return {
    onEvent: metrics.see,
    onPlanned: (where, durationUs) => {
      if (where === "fallback") metrics.plan({ where: "in-place", durationUs, fallback: "late" });
      else metrics.plan({ where: where === "thread" ? "thread" : "in-place", durationUs });
    },
  };
}

/** Spans tell the time of day; the driver counts from its start. */
export function traceBy(exporter: OtlpExporter, { now }: Ground, { nowUs }: LiveDriver): Traces {
  const originUnixUs = Date.now() * 1000 - nowUs();
  return createTraces({ exporter, ratio: now.config.traces.ratio, originUnixUs, random: Math.random });
}
