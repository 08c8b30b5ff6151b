/**
 * What an earlier gateway knew, from the last segment of its journal: what its engines held and had cached, what their durations
 * taught, what its policy had learnt. A segment tells all of that at its beginning, so that the last one is enough; one of which
 * nothing can be read gives way to the one before. What breaks off is read as far as it goes.
 */

import type { Calibration } from "../../cost/calibration.ts";
import type { CostFactors } from "../../cost/correct.ts";
import { createCostModel } from "../../cost/cost-model.ts";
import { JournalError } from "../../journal/journal-error.ts";
import { JournalParser } from "../../journal/parse.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model, ModelId } from "../../model/model.ts";
import { apply, createState, type State } from "../../state/apply.ts";
import { copyCaches, type CacheCopy } from "./cache-copy.ts";
import type { JournalPiece, JournalSource } from "./journal-source.ts";

export type Recalled = {
  /** What all of it was true of. */
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration: Calibration;
  readonly caches: readonly CacheCopy[];
  /** By engine, least recently used first. */
  readonly residents: ReadonlyMap<EngineId, readonly ModelId[]>;
  /** Those in use, as far as any were learnt. */
  readonly factors: readonly Factors[];
  readonly lasting: { readonly policy: string; readonly memory: string } | undefined;
};

export type Factors = CostFactors & { readonly engine: EngineId; readonly model: ModelId };

export type Recollection = {
  /** Absent: there was nothing to read. */
  readonly recalled?: Recalled;
  /** Sentences on what could not be read. */
  readonly remarks: readonly string[];
};

/** Never rejects: a gateway that remembers nothing serves all the same. */
export async function recollect(source: JournalSource): Promise<Recollection> {
  const remarks: string[] = [];
  try {
    for await (const segment of source()) {
      const recalled = await replay(segment, (remark) => remarks.push(remark));
      if (recalled !== undefined) return { recalled, remarks };
    }
  } catch (error) {
    remarks.push(reasonOf(error));
  }
  return { remarks };
}

async function replay(
  { name, lines }: JournalPiece,
  remark: (sentence: string) => void,
): Promise<Recalled | undefined> {
  const parser = new JournalParser(name);
  let memory: Replayed | undefined;
  const see = (event: JournalEvent): void => {
    memory ??= begin(parser);
    memory.see(event);
  };
  try {
    for await (const piece of lines) parser.feed(piece, see);
    parser.end();
  } catch (error) {
    const line = error instanceof JournalError ? "" : ` at line ${parser.line}`;
    remark(`${name}${line} is read no further: ${reasonOf(error)}`);
  }
  if (memory === undefined && parser.header !== undefined) memory = begin(parser);
  return memory?.recalled();
}

type Replayed = { readonly see: (event: JournalEvent) => void; readonly recalled: () => Recalled };

function begin({ header }: JournalParser): Replayed {
  if (header === undefined) throw new Error("it has no header");
  const { cluster, models, calibration } = header;
  const state = createState(createCostModel(cluster, models, calibration).engines, header.clock !== "wall");
  const factors = new Map<string, Factors>();
  let lasting: Recalled["lasting"];
  return {
    see: (event) => {
      apply(state, event);
      if (event.kind === "cost-correct") {
        const { engine, model, load, prefill, decode } = event;
        factors.set(`${engine}\n${model}`, { engine, model, load, prefill, decode });
      } else if (event.kind === "policy-remember") lasting = { policy: event.policy, memory: event.memory };
    },
    recalled: () => {
      const residents = residentsOf(state);
      return {
        cluster,
        models,
        calibration,
        caches: copyCaches(state),
        residents,
        factors: [...factors.values()],
        lasting,
      };
    },
  };
}

function residentsOf({ cluster }: State): Map<EngineId, ModelId[]> {
  const residents = new Map<EngineId, ModelId[]>();
  for (const engine of cluster)
    residents.set(
      engine.id,
      engine.residents.flatMap(({ model, loading }) => (loading ? [] : [model])),
    );
  return residents;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
