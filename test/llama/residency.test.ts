import { expect, test } from "vitest";
import { ClosedError, QueueFullError, Residency, type ResidencyOptions } from "../../src/llama/residency.ts";

/** Opens and closes at once, and writes down that it did. */
function residencyOf(options: Partial<ResidencyOptions<string>> = {}) {
  const log: string[] = [];
  const residency = new Residency<string>({
    open: async (model) => (log.push(`open ${model}`), model),
    close: async (model) => void log.push(`close ${model}`),
    maxResident: 1,
    maxRunning: 1,
    maxWaiting: 8,
    ...options,
  });
  return { residency, log };
}

const never = new AbortController().signal;
/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("the first call loads, the next finds the model there", async () => {
  const { residency, log } = residencyOf();
  for (const _ of [1, 2]) (await residency.enter("a", never)).leave();
  expect(log).toEqual(["open a"]);
});

test("the longest unused model makes room", async () => {
  const { residency, log } = residencyOf({ maxResident: 2 });
  for (const model of ["a", "b", "a", "c"]) (await residency.enter(model, never)).leave();
  expect(log).toEqual(["open a", "open b", "close b", "open c"]);
  expect(residency.sight()).toEqual({ resident: ["a", "c"], loading: [], running: 0, waiting: 0 });
});

test("a model with a call under way is not given up for another", async () => {
  const { residency, log } = residencyOf({ maxRunning: 2 });
  const first = await residency.enter("a", never);
  const second = residency.enter("b", never);
  await settle();
  expect(log).toEqual(["open a"]);
  expect(residency.sight().waiting).toBe(1);
  first.leave();
  (await second).leave();
  expect(log).toEqual(["open a", "close a", "open b"]);
});

test("nobody overtakes: what waits for a load keeps those behind it waiting", async () => {
  const { residency } = residencyOf({ maxRunning: 2 });
  const order: string[] = [];
  const first = await residency.enter("a", never);
  const calls = ["b", "a"].map(async (model) => {
    const visit = await residency.enter(model, never);
    order.push(model);
    visit.leave();
  });
  await settle();
  first.leave();
  await Promise.all(calls);
  expect(order).toEqual(["b", "a"]);
});

test("leaving twice frees one place", async () => {
  const { residency } = residencyOf();
  const first = await residency.enter("a", never);
  first.leave();
  await residency.enter("a", never);
  first.leave();
  expect(residency.sight().running).toBe(1);
});

test("who gives up waiting is out of the queue, and those behind move up", async () => {
  const { residency } = residencyOf();
  const first = await residency.enter("a", never);
  const gone = new AbortController();
  const impatient = residency.enter("b", gone.signal);
  const patient = residency.enter("a", never);
  gone.abort(new Error("gone"));
  await expect(impatient).rejects.toThrow("gone");
  expect(residency.sight().waiting).toBe(1);
  first.leave();
  (await patient).leave();
});

test("a full queue refuses", async () => {
  const { residency } = residencyOf({ maxWaiting: 1 });
  await residency.enter("a", never);
  void residency.enter("a", never).catch(() => {});
  await expect(residency.enter("a", never)).rejects.toThrow(QueueFullError);
});

test("a model that cannot be opened fails those who wait for it and nobody else", async () => {
  const { residency } = residencyOf({
    open: (model) => (model === "bad" ? Promise.reject(new Error("no such file")) : Promise.resolve(model)),
  });
  const calls = ["bad", "bad", "good"].map((model) => residency.enter(model, never));
  await expect(calls[0]).rejects.toThrow("no such file");
  await expect(calls[1]).rejects.toThrow("no such file");
  expect((await calls[2])?.held).toBe("good");
  expect(residency.sight().loading).toEqual([]);
});

test("unload waits for nobody: it says busy", async () => {
  const { residency, log } = residencyOf();
  const visit = await residency.enter("a", never);
  expect(await residency.unload("a")).toBe("busy");
  visit.leave();
  expect(await residency.unload("a")).toBe("done");
  expect(await residency.unload("a")).toBe("done");
  expect(log).toEqual(["open a", "close a"]);
  expect(residency.sight().resident).toEqual([]);
});

test("close turns away who waits, waits for who runs, and gives everything up", async () => {
  const { residency, log } = residencyOf();
  const visit = await residency.enter("a", never);
  const waiting = residency.enter("b", never);
  const closed = residency.close();
  await expect(waiting).rejects.toThrow(ClosedError);
  expect(log).toEqual(["open a"]);
  visit.leave();
  await closed;
  expect(log).toEqual(["open a", "close a"]);
  await expect(residency.enter("a", never)).rejects.toThrow(ClosedError);
});
