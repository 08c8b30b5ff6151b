/** Engines over time on a canvas: what is under the pointer, panning, zooming, scrolling, and choosing. */

import { dayPalette, nightPalette, type Palette } from "../draw/palette.ts";
import { describeSpan, hitTimeline } from "../draw/hit.ts";
import { axisHeight, drawTimeline, timelineHeight, toUs, type TimelineView } from "../draw/timeline.ts";
import { paint } from "../draw/to-canvas.ts";
import type { EngineLanes } from "../scene/span.ts";
import type { App, Run } from "./app.ts";
import { find } from "./dom.ts";

/** Shorter or longer than this nothing is to be seen. */
const leastSpanUs = 200;
const mostSpanUs = 4 * 86_400e6;

export class Chart {
  readonly #app: App;
  readonly #canvas: HTMLCanvasElement;
  readonly #run: () => Run | undefined;
  readonly #tip: HTMLElement | undefined;
  #scroll = 0;
  /** By how much the run's times lie after those of the window: in a comparison both begin at 0. */
  shiftUs = 0;
  /** Rows and spans of the last picture. */
  view: TimelineView | undefined;

  constructor(app: App, canvas: HTMLCanvasElement, run: () => Run | undefined, tip?: HTMLElement) {
    this.#app = app;
    this.#canvas = canvas;
    this.#run = run;
    this.#tip = tip;
    this.#listen();
  }

  get engines(): readonly EngineLanes[] {
    return this.#run()?.scene.lanes.engines ?? [];
  }

  paint(): void {
    const run = this.#run();
    const canvas = this.#canvas;
    const width = canvas.clientWidth;
    if (run === undefined || width === 0) return;
    const { engines } = this;
    const { rowHeight, height } = this.#fit(engines.length);
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    const app = this.#app;
    this.#scroll = Math.max(0, Math.min(this.#scroll, timelineHeight(engines.length, rowHeight) - height));
    const main = run === app.run;
    this.view = {
      fromUs: app.fromUs + this.shiftUs,
      toUs: app.toUs + this.shiftUs,
      width,
      height,
      rowHeight,
      scroll: this.#scroll,
      nameWidth: Math.min(110, width * 0.28),
      nowUs: main ? app.endUs : run.scene.lastUs,
      ...(main && !app.follow ? { cursorUs: app.atUs } : {}),
      ...(app.stage === undefined ? {} : { stage: app.stage }),
      ...(app.workflow === undefined ? {} : { workflow: app.workflow }),
      originUs: run.live ? 0 : run.scene.firstUs,
    };
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const palette = currentPalette();
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, width, height);
    paint(context, drawTimeline(engines, this.view), palette);
  }

  /** Few engines get tall rows; of many, as many are seen as there is room for. */
  #fit(count: number): { rowHeight: number; height: number } {
    const room = Math.max(140, Math.min(0.31 * innerHeight, 420));
    const rowHeight = Math.max(16, Math.min(44, (room - axisHeight) / Math.max(1, count)));
    return { rowHeight, height: Math.min(room, timelineHeight(Math.max(1, count), rowHeight)) };
  }

  /** Keeps the instant under `x` where it is. */
  zoom(factor: number, x?: number): void {
    const app = this.#app;
    const { view } = this;
    if (view === undefined) return;
    app.spanUs = Math.max(leastSpanUs, Math.min(mostSpanUs, (app.toUs - app.fromUs) * factor));
    const middleUs =
      (x === undefined
        ? app.follow && app.windowFollows
          ? app.endUs + this.shiftUs
          : (view.fromUs + view.toUs) / 2
        : toUs(view, x)) - this.shiftUs;
    const { spanUs } = app;
    const share = (middleUs - app.fromUs) / (app.toUs - app.fromUs);
    app.fromUs = middleUs - spanUs * share;
    app.toUs = app.fromUs + spanUs;
    app.changed();
  }

  pan(share: number): void {
    const app = this.#app;
    const byUs = (app.toUs - app.fromUs) * share;
    app.fromUs += byUs;
    app.toUs += byUs;
    app.windowFollows = false;
    app.changed();
  }

  #listen(): void {
    const canvas = this.#canvas;
    let drag:
      | {
          readonly x: number;
          readonly y: number;
          readonly scroll: number;
          readonly fromUs: number;
          readonly toUs: number;
          moved: boolean;
        }
      | undefined;
    canvas.addEventListener("pointerdown", (event) => {
      const { fromUs, toUs: untilUs } = this.#app;
      drag = { x: event.offsetX, y: event.offsetY, scroll: this.#scroll, fromUs, toUs: untilUs, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (drag === undefined) return this.#point(event.offsetX, event.offsetY);
      const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      drag.moved = true;
      this.#hideTip();
      const { view } = this;
      if (view === undefined) return;
      const byUs = (dx / (view.width - view.nameWidth)) * (drag.toUs - drag.fromUs);
      this.#app.fromUs = drag.fromUs - byUs;
      this.#app.toUs = drag.toUs - byUs;
      this.#app.windowFollows = false;
      this.#scroll = drag.scroll - dy;
      this.#app.changed();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag !== undefined && !drag.moved) this.#choose(event.offsetX, event.offsetY);
      drag = undefined;
    });
    canvas.addEventListener("pointercancel", () => (drag = undefined));
    canvas.addEventListener("pointerleave", () => this.#hideTip());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.zoom(0.4, event.offsetX));
  }

  /** With ctrl or meta it zooms, sideways it pans, else it scrolls rows as far as there are more. */
  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      return this.zoom(Math.exp(event.deltaY / 300), event.offsetX);
    }
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      return this.pan((event.deltaX + (event.shiftKey ? event.deltaY : 0)) / 1000);
    }
    const before = this.#scroll;
    this.#scroll += event.deltaY;
    this.paint();
    if (this.#scroll !== before) event.preventDefault();
  }

  #choose(x: number, y: number): void {
    const { view } = this;
    if (view === undefined) return;
    const hit = hitTimeline(this.engines, view, x, y);
    const { stage } = hit?.span ?? {};
    const story = stage === undefined ? undefined : this.#run()?.scene.stories.stage(stage);
    if (y < axisHeight && this.#run() === this.#app.run) return this.#app.lookAt(toUs(view, x));
    if (this.#run() !== this.#app.run) return;
    this.#app.choose(story?.workflow.id, story === undefined ? undefined : stage);
  }

  #point(x: number, y: number): void {
    const { view } = this;
    const tip = this.#tip;
    if (view === undefined || tip === undefined) return;
    const hit = hitTimeline(this.engines, view, x, y);
    if (hit?.span === undefined) return this.#hideTip();
    tip.textContent = `${hit.engine} ${describeSpan(hit.span, view.nowUs)}`;
    tip.hidden = false;
    const place = this.#canvas.offsetLeft + x + 12;
    const most = Math.max(0, this.#canvas.offsetLeft + view.width - tip.offsetWidth - 4);
    tip.style.left = `${Math.min(place, most)}px`;
    tip.style.top = `${this.#canvas.offsetTop + y + 14}px`;
  }

  #hideTip(): void {
    if (this.#tip !== undefined) this.#tip.hidden = true;
  }
}

/** By day or by night, as the page is seen now. */
export function currentPalette(): Palette {
  const forced = document.documentElement.dataset["theme"];
  const night = forced === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : forced === "night";
  return night ? nightPalette : dayPalette;
}

export function createMainChart(app: App): Chart {
  return new Chart(app, find("chart", HTMLCanvasElement), () => app.run, find("tip"));
}
