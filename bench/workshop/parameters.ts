/**
 * Physical parameters of the workshop benchmark. None is set by what policies make of it. The machines are those of `workshop` in the
 * catalogue; the models are `workshopModels` of the annotation.
 */

export const parameters = {
  /** Calls that an engine runs side by side: what a small team's server is started with. */
  maxSequences: 16,
  /** Prompts of applications end at 20,000 tokens and answers at 4,096: both together fit. */
  contextTokens: 24_576,
  /** Recorded sessions allow answers that would not fit into the KV memory of any of these engines. */
  mostAnswerTokens: 4_096,
  /** A call that has waited this long goes before everything else. */
  hardestWaitSeconds: 120,
  /**
   * How many times as fast as described the emulation through the gateway runs. What the gateway and HTTP take themselves is shown
   * multiplied by this.
   */
  speed: 25,
  /** Workflows of a run. */
  applications: 16,
  sessions: 8,
  /** How long one comes after another on average, at random: a day on which machines stand idle, and one on which calls queue. */
  meanGapSeconds: { quiet: 40, busy: 10 },
  /** Recorded sessions are far larger than what such machines can hold: cut and scaled down. */
  callsPerSession: 12,
  /** Of kv-cache-tester: prompts up to so many tokens, all lengths times the scale; then likewise of mini-swe-agent. */
  kvCacheTester: { maxPromptTokens: 48_000, tokenScale: 0.25 },
  miniSweAgent: { maxPromptTokens: 24_000, tokenScale: 0.5 },
  /** The planner takes over again after a pause that is a person's. */
  personSeconds: 30,
  longestPauseSeconds: 60,
} as const;

/** Who does what in a recorded session. The traces name one or two models of sizes that are not public; this is composed. */
export const roles = { planner: "qwen2.5-32b", explorer: "llama-3.1-8b", coder: "phi-4-14.7b" } as const;

/** The first two are compared with the others. */
export const policies = [
  "foresight",
  "fate+keep",
  "fate",
  "collated-fifo",
  "session-affinity",
  "model-affinity",
  "least-loaded",
  "round-robin",
] as const;
/** In the simulator alone: what is in no table of policies, and rivals beyond the list. */
export const simulatedPolicies = [...policies, "mooncake", "collated-fifo+regret"] as const;

export type WorkshopMode = keyof (typeof parameters)["meanGapSeconds"];
export const modes = ["quiet", "busy"] as const satisfies readonly WorkshopMode[];
