/** How large outside data may be. Beyond, a reader refuses: a typing error must not become an hour of swapping. */

export const maxWorkflows = 1_000_000;
export const maxStagesPerWorkflow = 100_000;
/** Parents of one stage, and segments of one prompt. */
export const maxListEntries = 100_000;
/** Tokens of one segment or one output. */
export const maxTokens = 1e9;
export const maxItems = 1_000_000;
export const maxModels = 10_000;
/** GPU kinds, zones and labels of one cluster or engine. */
export const maxNames = 10_000;
export const maxHosts = 100_000;
export const maxDevices = 1_000_000;
export const maxLinks = 1_000_000;
/** A century: arrivals, tool times and deadlines. */
export const maxUs = 100 * 365 * 86_400 * 1e6;
/** Bytes of weights, memories and edges: a petabyte. */
export const maxBytes = 1e15;
/** Of a file as it lies on disk. */
export const maxFileBytes = 2 ** 30;
/** Of a text after decompression; V8 strings end near 512 MiB. */
export const maxTextBytes = 500_000_000;
/** YAML is for people; large files are JSON or NDJSON. */
export const maxYamlCharacters = 16_000_000;
