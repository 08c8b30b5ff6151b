/** All that is to be seen of a run, gathered record by record: in Node and in a browser, live and from a file. */

import type { JournalHeader } from "../../journal/journal.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { StageKey } from "../../model/workflow.ts";
import { FigureSeries } from "./figures.ts";
import { Lanes } from "./lanes.ts";
import { Outlooks } from "./outlook.ts";
import { Stories } from "./stories.ts";
import { Tape } from "./tape.ts";

/** How much is kept. */
export type SceneBounds = { readonly records: number; readonly spans: number; readonly over: number };

/** As much as a browser holds without getting slow. */
const usualBounds: SceneBounds = { records: 600_000, spans: 400_000, over: 12_000 };

/** Bounded whatever comes: each part lets go of what is oldest. */
export class Scene {
  readonly header: JournalHeader;
  readonly tape: Tape;
  readonly lanes: Lanes;
  readonly stories: Stories;
  readonly outlooks: Outlooks;
  readonly figures: FigureSeries;
  #firstUs = Infinity;
  #lastUs = 0;
  /** Corrections of the costs so far, and how many there are to be when estimates are made anew. */
  #corrections = 0;
  #renewAt = 1;

  constructor(header: JournalHeader, bounds = usualBounds) {
    this.header = header;
    this.tape = new Tape(header, bounds.records);
    this.lanes = new Lanes(header.cluster, bounds.spans);
    this.stories = new Stories(bounds.over);
    this.outlooks = new Outlooks(this.tape.head.baseCosts);
    this.figures = new FigureSeries(header.cluster, (key) => this.stories.stage(key)?.stage);
  }

  /** Of the first record, or 0. */
  get firstUs(): number {
    return this.#firstUs === Infinity ? 0 : this.#firstUs;
  }

  /** Of the last record. */
  get lastUs(): number {
    return this.#lastUs;
  }

  see(event: JournalEvent): void {
    this.tape.see(event);
    this.#firstUs = Math.min(this.#firstUs, event.atUs);
    this.#lastUs = event.atUs;
    this.lanes.see(event);
    this.figures.see(event);
    if (event.kind === "workflow-end" || event.kind === "workflow-abandon") {
      const stages = this.stories.workflows.get(event.workflow)?.stages;
      if (stages !== undefined) {
        this.lanes.forget(stages.keys());
        this.figures.forget([...stages.values()].map(({ stage }) => stage));
      }
    }
    this.stories.see(event);
    if (event.kind === "cost-correct") this.#correct();
    else if (event.kind === "stage-reveal") this.#expect(event.stage.key);
    else if (event.kind === "stage-ready" && event.chainTokens !== undefined) this.#expect(event.stage);
  }

  #expect(key: StageKey): void {
    const story = this.stories.stage(key);
    if (story !== undefined) this.outlooks.expect(story);
  }

  /** Corrections come with every call and settle soon: estimates are made anew ever more seldom. */
  #correct(): void {
    this.#corrections += 1;
    if (this.#corrections < this.#renewAt) return;
    this.#renewAt = Math.min(2 * this.#renewAt, this.#renewAt + 1024);
    this.outlooks.renew(this.tape.head.costs);
  }
}

export function createScene(header: JournalHeader, events: Iterable<JournalEvent> = [], bounds = usualBounds): Scene {
  const scene = new Scene(header, bounds);
  for (const event of events) scene.see(event);
  return scene;
}
