/**
 * What the first page does in a browser: asks for the status every second while it is looked at, and shows it. It builds elements
 * and sets their text, never markup, so whatever an engine is called is shown as it is. Text, since no build step makes it.
 */

export const pageScript = String.raw`
"use strict";
(() => {
  const everyMs = 1000;
  const find = (id) => document.getElementById(id);
  const known = JSON.parse(find("known").textContent);
  const usual = "http://127.0.0.1:7373";
  let key = "";
  let timer;

  const make = (tag, props = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name === "text") element.textContent = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const count = (value) => value < 1000 ? String(value) : value < 1e6 ? (value / 1e3).toFixed(1) + "k" : (value / 1e6).toFixed(1) + "M";
  const many = (value, one, more) => value + " " + (value === 1 ? one : more);

  const gauge = (label, value, most, words) => make("div", { class: "gauge" },
    make("span", { text: label }),
    make("progress", { max: String(Math.max(1, most)), value: String(Math.min(value, Math.max(1, most))), "aria-label": label + ": " + words }),
    make("span", { class: "figure", text: words }));

  const chip = (model, { resident, loading }) => {
    const state = loading.includes(model) ? "loading" : resident.includes(model) ? "resident" : "absent";
    const words = { loading: "is being loaded", resident: "is loaded", absent: "is not loaded" }[state];
    return make("li", { class: "chip " + state, text: model, title: model + " " + words },
      make("span", { class: "hidden", text: " " + words }));
  };

  const card = (engine) => {
    const trouble = engine.trouble === undefined ? [] : [make("p", { class: "trouble", text: engine.trouble })];
    const queued = engine.queued === 0 ? "" : ", " + engine.queued + " queued";
    return make("li", { class: engine.up ? "engine" : "engine down" },
      make("h3", { text: engine.id }, make("span", { class: "state", text: engine.up ? "up" : "down" })),
      make("p", { class: "quiet", text: engine.gpu + ", " + engine.kind }),
      ...trouble,
      make("ul", { class: "chips" }, ...engine.models.map((model) => chip(model, engine))),
      gauge("calls", engine.running + engine.queued, engine.maxSequences, engine.running + " running" + queued),
      gauge("KV", engine.kvTokens, engine.kvCapacityTokens, count(engine.kvTokens) + " of " + count(engine.kvCapacityTokens) + " tokens"));
  };

  const show = (status) => {
    const up = status.engines.filter((engine) => engine.up).length;
    find("summary").textContent = [
      "Policy " + status.policy,
      up + " of " + many(status.engines.length, "engine", "engines") + " up",
      many(status.openWorkflows, "workflow", "workflows") + " open",
      many(status.openCalls, "call", "calls") + ", " + status.waitingCalls + " waiting",
    ].join(" · ");
    find("engines").replaceChildren(...status.engines.map(card));
    const model = status.engines.flatMap((engine) => engine.resident)[0] ?? status.engines.flatMap((engine) => engine.models)[0];
    if (model !== undefined) for (const text of document.querySelectorAll("[data-origin]")) text.textContent = text.textContent.replaceAll("MODEL", model);
    document.body.className = "";
  };

  const lose = (words) => {
    find("summary").textContent = words;
    document.body.className = "lost";
  };

  const ask = async () => {
    clearTimeout(timer);
    try {
      const headers = key === "" ? {} : { authorization: "Bearer " + key };
      const response = await fetch("/fate/status", { headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (response.status === 401) {
        key = "";
        find("gate").hidden = false;
        return lose("This gateway asks for a key.");
      }
      if (!response.ok) throw new Error("answered " + response.status);
      find("gate").hidden = true;
      show(await response.json());
    } catch {
      lose("The gateway does not answer; this page goes on trying.");
    }
    if (document.visibilityState === "visible") timer = setTimeout(ask, everyMs);
  };

  for (const text of document.querySelectorAll("[data-origin]")) text.textContent = text.textContent.replaceAll(usual, location.origin);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  find("gate").addEventListener("submit", (event) => {
    event.preventDefault();
    key = find("key").value;
    find("key").value = "";
    ask();
  });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && find("gate").hidden) ask(); });
  if (known.status !== undefined) show(known.status);
  if (known.open) ask();
  else find("gate").hidden = false;
})();
`;
