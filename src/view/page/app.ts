/** What is looked at, and who is told when that changes. */

import type { Known } from "../known.ts";
import type { Scene } from "../scene/scene.ts";
import type { StageStory, WorkflowStory } from "../scene/stories.ts";

export type Run = {
  readonly name: string;
  readonly scene: Scene;
  readonly live: boolean;
  /** By the page's clock, when its last records came: a live run goes on from there. */
  heardMs: number;
  /** Not all of it is there yet. */
  loading: boolean;
};

export type View = "run" | "engines" | "compare" | "connect";

/** Lists are painted no more often. */
const slowMs = 500;

/** Everything the page shows is a function of this and of the scenes. */
export class App {
  readonly known: Known;
  runs: Run[] = [];
  view: View = "run";
  workflow: string | undefined;
  stage: string | undefined;
  /** Which of its placements, counted from the last one. */
  placement = 0;
  follow = true;
  playing = false;
  #atUs = 0;
  /** Records that had happened, where that is known more exactly than by the time. */
  #sequence: number | undefined;
  fromUs = 0;
  toUs = 60e6;
  /** How long a time of a live run is seen. */
  spanUs = 60e6;
  /** The window keeps up with the time that is looked at. */
  windowFollows = true;
  key = "";
  lost: string | undefined;
  readonly #painters: ((slow: boolean) => void)[] = [];
  #asked = false;
  #trailing: ReturnType<typeof setTimeout> | undefined;
  #slowAtMs = -Infinity;

  constructor(known: Known) {
    this.known = known;
  }

  /** `slow` says that lists are to be made anew too. */
  onPaint(painter: (slow: boolean) => void): void {
    this.#painters.push(painter);
  }

  get run(): Run | undefined {
    return this.runs[0];
  }

  get scene(): Scene | undefined {
    return this.run?.scene;
  }

  /** The latest time there is: of a live run it goes on with the clock. */
  get endUs(): number {
    const { run } = this;
    if (run === undefined) return 0;
    const { lastUs } = run.scene;
    return run.live && this.lost === undefined ? lastUs + Math.max(0, performance.now() - run.heardMs) * 1000 : lastUs;
  }

  /** The time that is looked at. */
  get atUs(): number {
    return this.follow ? this.endUs : Math.min(this.#atUs, this.endUs);
  }

  /** Position of the last record that has happened then. */
  get sequence(): number {
    const { scene } = this;
    if (scene === undefined) return 0;
    if (this.follow) return scene.tape.lastSequence;
    return this.#sequence ?? scene.tape.sequenceAt(this.#atUs);
  }

  /** Looks at a time, or at the moment after one record. */
  lookAt(atUs: number, sequence?: number): void {
    this.follow = false;
    this.#atUs = Math.max(this.scene?.firstUs ?? 0, atUs);
    this.#sequence = sequence;
    this.#moved();
  }

  lookAtEnd(): void {
    this.follow = true;
    this.playing = false;
    this.changed();
  }

  get workflowStory(): WorkflowStory | undefined {
    return this.workflow === undefined ? undefined : this.scene?.stories.workflows.get(this.workflow);
  }

  get stageStory(): StageStory | undefined {
    return this.stage === undefined ? undefined : this.scene?.stories.stage(this.stage);
  }

  choose(workflow: string | undefined, stage?: string): void {
    this.workflow = workflow;
    this.stage = stage;
    this.placement = 0;
    this.changed();
  }

  show(view: View): void {
    this.view = view;
    this.changed();
  }

  /** Another time is looked at: the chart follows at once, lists as often as they are painted, and at last. */
  #moved(): void {
    this.ask();
    if (this.#trailing !== undefined) return;
    const afterMs = Math.max(0, this.#slowAtMs + slowMs - performance.now()) + 1;
    this.#trailing = setTimeout(() => {
      this.#trailing = undefined;
      this.ask();
    }, afterMs);
  }

  /** Has everything painted anew with the next frame. */
  changed(): void {
    this.#slowAtMs = -Infinity;
    this.ask();
  }

  /** Has everything painted once more after this frame: something takes longer than one. */
  soon(): void {
    setTimeout(() => this.changed());
  }

  /** New records: what moves is painted with the next frame, lists twice a second. */
  ask = (): void => {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      const nowMs = performance.now();
      const slow = nowMs - this.#slowAtMs >= slowMs;
      if (slow) this.#slowAtMs = nowMs;
      for (const painter of this.#painters) painter(slow);
    });
  };
}
