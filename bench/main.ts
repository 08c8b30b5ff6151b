/** `npm run bench -- NAME`: how fast the parts of Fate are. Each line says what it measured, so that it can be quoted. */

import { UsageError } from "../src/cli/usage-error.ts";
import { benchBounds } from "./bounds.ts";
import { benchCold } from "./cold.ts";
import { benchDecide } from "./decide.ts";
import { benchForesight } from "./foresight.ts";
import { benchFork } from "./fork.ts";
import { benchGateway } from "./gateway.ts";
import { benchKill } from "./kill.ts";
import { benchLlama } from "./llama.ts";
import { benchOpen } from "./open.ts";
import { takeShots } from "./page-shots.ts";
import { benchPage } from "./page.ts";
import { benchPlan } from "./plan.ts";
import { benchSim } from "./sim.ts";
import { benchSolve } from "./solve.ts";
import { benchSplits } from "./splits.ts";
import { benchStore } from "./store.ts";
import { benchWorkshop } from "./workshop.ts";
import { benchYardsticks } from "./yardsticks.ts";

const benches = {
  sim: { run: benchSim, summary: "records a second, and how cost grows with engines and with open workflows" },
  solve: { run: benchSolve, summary: "how long a plan takes, by stages and engines, exact and by CP-SAT" },
  plan: { run: benchPlan, summary: "how long a decision of fate takes, by ready stages and engines, next to greedy" },
  foresight: { run: benchForesight, summary: "how long foresight takes to lay out a plan in time, by stages in sight" },
  decide: { run: benchDecide, summary: "how long a decision of hexagent takes, by open workflows and engines" },
  splits: {
    run: benchSplits,
    summary: "what other splits into prefill and decode could bring to the clusters of agents",
  },
  gateway: { run: benchGateway, summary: "what the gateway costs, next to a bare proxy and to Portkey's gateway" },
  kill: {
    run: benchKill,
    summary: "a gateway killed again and again under load: what is lost, doubled, and how soon it is back",
  },
  open: {
    run: benchOpen,
    summary: "many declared workflows open at once: taken in, kept, and taken up after a SIGKILL",
  },
  cold: { run: benchCold, summary: "how soon fleets of empty engines serve calls of several models" },
  bounds: { run: benchBounds, summary: "how far policies are from bounds and from plans of whole workflows" },
  yardsticks: {
    run: benchYardsticks,
    summary: "how far mean latencies of benchmark A are from what no policy undercuts",
  },
  workshop: {
    run: benchWorkshop,
    summary: "a few cards that do not hold their models: the gateway against what people run",
  },
  llama: { run: benchLlama, summary: "policies over two engines with three real, tiny models" },
  store: {
    run: benchStore,
    summary: "durable submissions a second in SQLite and in Postgres, together and one by one",
  },
  page: { run: benchPage, summary: "how fast the page is in Chromium, with 1,000 engines and 10,000 workflows" },
  shots: { run: takeShots, summary: "the pictures of docs/dashboard.md, taken anew" },
  fork: { run: benchFork, summary: "what a fork of the state costs, and a first write to it" },
} as const;

const [name] = process.argv.slice(2);
if (name === undefined || !(name in benches)) {
  const list = Object.entries(benches).map(([key, { summary }]) => `  ${key.padEnd(9)} ${summary}`);
  process.stderr.write(`usage: npm run bench -- NAME\n${list.join("\n")}\n`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  try {
    await benches[name as keyof typeof benches].run();
  } catch (error) {
    if (!isBadInput(error)) throw error;
    process.stderr.write(`npm run bench -- ${name}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** Options that there are not, or that are not what they should be. */
function isBadInput(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return error instanceof UsageError || ("code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
}
