/** The time that is looked at: scrubbing, stepping by record and by placement, playing. */

import { showClock } from "../draw/axis.ts";
import type { App } from "./app.ts";
import { all, find } from "./dom.ts";

/** Playing shows the whole of a file in this time, or in its own if that is longer. */
const wholeMs = 30_000;
const scrubSteps = 1_000_000;

export type TimeBar = {
  readonly paint: () => void;
  readonly step: (how: string) => void;
  readonly play: () => void;
};

export function createTimeBar(app: App): TimeBar {
  const scrub = find("scrub", HTMLInputElement);
  const clock = find("clock");
  const follow = find("follow");
  const playButton = find("play");
  let playedMs = 0;
  const spanUs = (): number => Math.max(1, app.endUs - (app.scene?.firstUs ?? 0));

  const step = (how: string): void => {
    const { scene } = app;
    if (scene === undefined) return;
    app.playing = false;
    const { tape } = scene;
    if (how === "first") return app.lookAt(scene.firstUs, tape.firstSequence);
    if (how === "last") return app.lookAtEnd();
    const ahead = how === "place" ? 1 : how === "place-before" ? -1 : Number(how);
    let sequence = app.sequence + ahead;
    if (how.startsWith("place"))
      while (tape.record(sequence) !== undefined && tape.record(sequence)?.kind !== "stage-place") sequence += ahead;
    const record = tape.record(sequence);
    if (record === undefined) return;
    if (record.kind === "stage-place") app.choose(scene.stories.stage(record.stage)?.workflow.id, record.stage);
    app.lookAt(record.atUs, sequence);
    keepInWindow(app);
  };

  const tick = (): void => {
    if (!app.playing) return;
    const nowMs = performance.now();
    const perMs = Math.max(1000, spanUs() / wholeMs);
    app.lookAt(app.atUs + (nowMs - playedMs) * perMs);
    playedMs = nowMs;
    keepInWindow(app);
    if (app.atUs >= app.endUs) app.lookAtEnd();
    else requestAnimationFrame(tick);
  };

  const play = (): void => {
    if (app.playing) {
      app.playing = false;
      return app.changed();
    }
    if (app.scene === undefined) return;
    if (app.follow) app.lookAt(app.scene.firstUs);
    app.playing = true;
    playedMs = performance.now();
    tick();
  };

  scrub.addEventListener("input", () => {
    app.playing = false;
    app.lookAt((app.scene?.firstUs ?? 0) + (Number(scrub.value) / scrubSteps) * spanUs());
    keepInWindow(app);
  });
  for (const button of all("[data-step]")) button.addEventListener("click", () => step(button.dataset["step"] ?? ""));
  playButton.addEventListener("click", play);
  follow.addEventListener("click", () => {
    app.windowFollows = true;
    app.lookAtEnd();
  });
  return {
    step,
    play,
    paint: () => {
      const { scene } = app;
      if (scene === undefined) return;
      const fromUs = app.run?.live === true ? 0 : scene.firstUs;
      const value = String(Math.round(((app.atUs - scene.firstUs) / spanUs()) * scrubSteps));
      if (!scrub.matches(":active")) scrub.value = value;
      scrub.setAttribute("aria-valuetext", showClock(app.atUs - fromUs));
      const record = scene.tape.record(app.sequence);
      const position =
        app.run?.live === true ? "" : `, record ${app.sequence}${record === undefined ? "" : ` ${record.kind}`}`;
      clock.textContent = `${showClock(app.atUs - fromUs)}${app.follow ? (app.run?.live === true ? " now" : " end") : position}`;
      follow.setAttribute("aria-pressed", String(app.follow));
      follow.textContent = app.run?.live === true ? "Follow" : "End";
      playButton.textContent = app.playing ? "❚❚" : "▶";
      playButton.setAttribute("aria-label", app.playing ? "Stop" : "Play");
    },
  };
}

/** Moves the window when the time that is looked at leaves it. */
function keepInWindow(app: App): void {
  const spanUs = app.toUs - app.fromUs;
  if (app.atUs >= app.fromUs && app.atUs <= app.toUs) return;
  app.fromUs = app.atUs - spanUs * (app.atUs > app.toUs ? 0.15 : 0.85);
  app.toUs = app.fromUs + spanUs;
  app.windowFollows = false;
}
