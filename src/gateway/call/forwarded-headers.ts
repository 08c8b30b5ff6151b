/** Which of a call's headers end at the gateway. */

/**
 * Ours, and those that would let a client choose a place or a rank behind our back at the next server: that is decided here.
 * The ids of sessions, trajectories and traces go on: they only tell the next server which calls belong together.
 */
export function isIdentityHeader(name: string): boolean {
  return name.startsWith("x-workflow-") || steering.has(name);
}

const steering = new Set([
  "x-worker-instance-id",
  "x-prefill-instance-id",
  "x-dp-rank",
  "x-data-parallel-rank",
  "x-prefill-dp-rank",
  "x-prefiller-host-port",
  "x-encoder-hosts-ports",
  "x-data-parallel-host-port",
  "x-kv-cache-source-host-port",
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-subset",
  "x-gateway-inference-fairness-id",
  "x-llm-d-inference-fairness-id",
  "x-llm-d-inference-objective",
  "x-llm-d-model-name-rewrite",
  "x-llm-d-slo-ttft-ms",
  "x-llm-d-slo-tpot-ms",
  "x-slo-ttft-ms",
  "x-slo-tpot-ms",
  "x-session-affinity",
  "x-session-token",
  "x-smg-priority",
  "x-smg-routing-key",
  "x-smg-target-worker",
  "x-smg-tenant-id",
  "epp-profile",
  "external-filter",
  "routing-strategy",
]);
