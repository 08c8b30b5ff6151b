/**
 * What a small team runs in a quarter of an hour: applications built in Dify and Flowise, and sessions of coding agents, some of
 * many. Graphs and sessions are drawn by seed, uniformly, from public recordings where there are any, else from generated
 * families that are like them. Everything is revealed call by call, as an HTTP gateway sees it, unless applications are to be declared; and
 * a call is one item.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { secondsToUs } from "../../src/model/units.ts";
import type { ModelStage, Stage, Workflow, Workload } from "../../src/model/workflow.ts";
import { drawExponential, drawOne } from "../../src/random/distributions.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { workshopModels } from "../../src/trace/annotate/models.ts";
import { readDify } from "../../src/trace/dify.ts";
import { readFlowise } from "../../src/trace/flowise.ts";
import { generateWorkload } from "../../src/trace/generate/generate-workload.ts";
import { readKvCacheTester } from "../../src/trace/kv-cache-tester.ts";
import { readMiniSweAgent } from "../../src/trace/mini-swe-agent.ts";
import { readText } from "../../src/trace/read-text.ts";
import type { TaskGraph } from "../../src/trace/task-graph.ts";
import { parameters, roles, type WorkshopMode } from "./parameters.ts";

/** Public data beside a clone; undefined: generated look-alikes. */
export type WorkshopSource = {
  readonly graphs: readonly (readonly TaskGraph[])[];
  readonly sessions: readonly (readonly Workflow[])[];
};

export type WorkshopOrigin = {
  readonly source: WorkshopSource | undefined;
  /** Applications show their whole graphs when they come, as if they were declared. */
  readonly declared: boolean;
};

const files = {
  dify: "dify/dify-dags.ndjson",
  flowise: "flowise/flowise-dags.ndjson",
  kvCacheTester: "kv-cache-tester/claude-code-traces.lcp.ndjson.gz",
  miniSweAgent: "mini-swe-agent-gemini3pro/steps.ndjson.gz",
} as const;

export function readWorkshopSource(data: string): WorkshopSource | undefined {
  const paths = Object.values(files).map((file) => join(data, file));
  if (!paths.every((path) => existsSync(path))) return undefined;
  const read = <T>(file: string, parse: (text: string, file: string) => T): T =>
    parse(readText(join(data, file)), file);
  // What is drawn of a session beside its roles: estimates, which an HTTP gateway is not told.
  const common = { seed: 1, maxCalls: parameters.callsPerSession, longestPauseSeconds: parameters.longestPauseSeconds };
  return {
    graphs: [read(files.dify, readDify), read(files.flowise, readFlowise)],
    sessions: [
      read(files.kvCacheTester, (text, file) =>
        readKvCacheTester(text, file, { ...common, ...parameters.kvCacheTester }),
      ),
      read(files.miniSweAgent, (text, file) => readMiniSweAgent(text, file, { ...common, ...parameters.miniSweAgent })),
    ],
  };
}

/** The same workflows in every mode: arrivals alone differ. */
export function createWorkshopWorkload(
  { source, declared }: WorkshopOrigin,
  mode: WorkshopMode,
  seed: number,
): Workload {
  const drawn = [
    ...Array.from({ length: parameters.applications }, (_, index): Workflow => ({
      ...drawApplication(source, seed, index),
      reveal: declared ? "static" : "online",
    })),
    ...Array.from({ length: parameters.sessions }, (_, index): Workflow => ({
      ...drawSession(source, seed, index),
      reveal: "online",
    })),
  ];
  const order = shuffle(drawn, createRng(seed, "workshop-order"));
  const gaps = createRng(seed, "workshop-arrival");
  let atUs = 0;
  const workflows = order.map((workflow): Workflow => {
    const arrivalUs = Math.round(atUs);
    atUs += drawExponential(gaps, secondsToUs(parameters.meanGapSeconds[mode]));
    return toCalls({ ...workflow, arrivalUs });
  });
  return { id: `workshop-${mode}-seed-${seed}`, workflows };
}

function drawApplication(source: WorkshopSource | undefined, seed: number, index: number): Workflow {
  const id = `application-${index}`;
  if (source === undefined) return generated(["rag", "map-reduce"], seed, id, index);
  const rng = createRng(seed, "workshop-application").stream(`${index}`);
  const graph = drawOne(rng, drawOne(rng, source.graphs));
  return { ...annotateGraph(graph, { seed, id, models: workshopModels }), class: "application" };
}

function drawSession(source: WorkshopSource | undefined, seed: number, index: number): Workflow {
  const id = `session-${index}`;
  if (source === undefined) return withRoles(generated(["chat", "mapred"], seed, id, index));
  const rng = createRng(seed, "workshop-session").stream(`${index}`);
  const session = drawOne(rng, drawOne(rng, source.sessions));
  return withRoles({ ...session, id, class: "session" });
}

/** One of a workload, so that what prompts have in common is as long in all of them. */
function generated(families: readonly string[], seed: number, id: string, index: number): Workflow {
  const own = createRng(seed, "workshop-generated")
    .stream(families.join())
    .below(2 ** 31);
  const { workflows } = generateWorkload({ families, count: index + 1, seed: own, model: roles.coder }).workload;
  const workflow = workflows.at(-1);
  if (workflow === undefined) throw new Error("a workload of some workflows has a last one");
  return { ...workflow, id };
}

/** Sub-agents explore; the planner opens, comes back when a person has spoken, and has the last word; the rest is coding. */
function withRoles(session: Workflow): Workflow {
  const tools = new Map(session.stages.flatMap((stage) => (stage.kind === "tool" ? [[stage.id, stage.actualUs]] : [])));
  const main = session.stages.filter(({ id, kind }) => kind !== "tool" && !id.includes("."));
  const [first, last] = [main[0]?.id, main.at(-1)?.id];
  const opening = new Set(main.slice(1, 4).map(({ id }) => id));
  const hasAgents = session.stages.some(({ id }) => id.includes("."));
  const afterPerson = ({ parents }: Stage): boolean =>
    parents.some(({ stage }) => (tools.get(stage) ?? 0) >= secondsToUs(parameters.personSeconds));
  const roleOf = (stage: ModelStage): keyof typeof roles => {
    if (stage.id.includes(".")) return "explorer";
    if (stage.id === first || stage.id === last || afterPerson(stage)) return "planner";
    // Without sub-agents the main thread looks around itself before it writes.
    return !hasAgents && opening.has(stage.id) ? "explorer" : "coder";
  };
  const stages = session.stages.map((stage) =>
    stage.kind === "tool" ? stage : { ...stage, model: roles[roleOf(stage)] },
  );
  return { ...session, stages };
}

/** One call a stage, under names that fit into headers. */
function toCalls(workflow: Workflow): Workflow {
  const names = new Map(workflow.stages.map(({ id }, index) => [id, `s${index}`]));
  const rename = (id: string): string => names.get(id) ?? id;
  const stages = workflow.stages.map((stage): Stage => {
    const { branch: _, ...kept } = stage;
    const parents = stage.parents.map((parent) => ({ stage: rename(parent.stage), bytes: 0 }));
    const base = { ...kept, id: rename(stage.id), parents };
    if (base.kind === "tool") return base;
    const prompt = base.prompt.map((segment) =>
      segment.kind === "output" ? { ...segment, stage: rename(segment.stage) } : segment,
    );
    const { estimate, actual, limit } = base.output;
    const most = Math.min(limit, parameters.mostAnswerTokens);
    const output = { estimate: Math.min(estimate, most), actual: Math.min(actual, most), limit: most };
    return { ...base, prompt, output, items: 1 };
  });
  return { ...workflow, stages };
}

/** Every order is as likely as any other. */
function shuffle<T>(items: readonly T[], rng: Rng): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(rng.below(left.length), 1)[0] as T);
}
