/** The example of the README of foresight: three stages of a small model, and one of a large model that reads them, on two engines. */

import { cluster, dag } from "./build.ts";

export const small = "llama-3.1-8b";
export const large = "qwen2.5-32b";

/** Two engines of one host, of which the first holds the small model. */
export const half = (() => {
  const cold = cluster("h100 h100", { host: "host" });
  return {
    ...cold,
    engines: cold.engines.map((engine, index) => (index === 0 ? { ...engine, resident: [small] } : engine)),
  };
})();

export const threeAndOne = dag("a, b, c -> d", (id) => {
  const tokens = id === "d" ? 100 : 300;
  return { model: id === "d" ? large : small, output: { estimate: tokens, actual: tokens, limit: 800 } };
});
