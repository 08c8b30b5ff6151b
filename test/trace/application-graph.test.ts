import { describe, expect, test } from "vitest";
import type { ApplicationNode, NodeRole } from "../../src/trace/application/graph.ts";
import { toTaskGraph } from "../../src/trace/application-graph.ts";
import { cutBackEdges } from "../../src/trace/application/cut-back-edges.ts";

const role: { readonly [letter: string]: NodeRole } = {
  L: { kind: "llm" },
  T: { kind: "tool", seconds: 1 },
  P: { kind: "pass" },
  N: { kind: "note" },
  C: { kind: "container", repeats: "side-by-side" },
  R: { kind: "container", repeats: "in-a-row" },
};

/** `L1` is a language model node, `L2@C1` one in the container `C1`; edges are `L1>L2`. Tasks come back as `L1<parents`. */
function tasks(nodes: string, edges: string): readonly string[] | undefined {
  const read = nodes.split(" ").map((word): ApplicationNode => {
    const [id = "", parent] = word.split("@");
    return {
      id,
      role: role[id[0] ?? ""] ?? { kind: "pass" },
      type: "t",
      title: id,
      ...(parent === undefined ? {} : { parent }),
    };
  });
  const drawn = edges
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const [from = "", to = ""] = word.split(">");
      return { from, to };
    });
  const graph = toTaskGraph({ name: "g", family: "f", nodes: read, edges: drawn });
  return graph?.tasks.map((task) => `${task.name}<${task.parents.map((parent) => parent.task).join(",")}`);
}

describe("application graphs", () => {
  test("what only steers goes, and its edges are joined", () => {
    expect(tasks("P1 L1 P2 T1 L2 P3", "P1>L1 L1>P2 P2>T1 P2>L2 T1>L2 L2>P3")).toEqual(["L1<", "T1<0", "L2<0,1"]);
  });

  test("notes, edges to nowhere and edges to oneself go", () => {
    expect(tasks("N1 L1 L2", "N1>L1 L1>L1 L1>X L1>L2")).toEqual(["L1<", "L2<0"]);
  });

  test("an edge that leads back is cut", () => {
    expect(tasks("L1 L2 L3", "L1>L2 L2>L3 L3>L1 L3>L2")).toEqual(["L1<", "L2<0", "L3<1"]);
  });

  test("the body of an iteration stands there three times", () => {
    expect(tasks("L1 C1 L2 T1@C1 L3@C1", "L1>C1 C1>L2 T1>L3")).toEqual([
      "L1<",
      "T1<0",
      "L3<1",
      "T1<0",
      "L3<3",
      "T1<0",
      "L3<5",
      "L2<2,4,6",
    ]);
  });

  test("the body of a loop runs three times in a row", () => {
    expect(tasks("L1 R1 L2 L3@R1", "L1>R1 R1>L2")).toEqual(["L1<", "L3<0", "L3<1", "L3<2", "L2<3"]);
  });

  test("an empty container is passed through, and edges over its border are its own", () => {
    expect(tasks("L1 C1 L2", "L1>C1 C1>L2")).toEqual(["L1<", "L2<0"]);
    expect(tasks("L1 C1 L2@C1", "L1>L2 C1>L2")).toEqual(["L1<", "L2<0", "L2<0", "L2<0"]);
  });

  test("containers inside one another", () => {
    expect(tasks("C1 C2@C1 L1@C2", "")).toHaveLength(9);
    expect(tasks("C1@C2 C2@C1 L1@C1", "")).toBeDefined();
  });

  test("a graph without a language model is none", () => {
    expect(tasks("P1 T1", "P1>T1")).toBeUndefined();
  });

  test("back edges are cut in the order of the document, without recursion", () => {
    const ring = Array.from({ length: 50_000 }, (_, index) => [index, (index + 1) % 50_000] as const);
    expect(cutBackEdges(50_000, ring)).toHaveLength(49_999);
    expect(
      cutBackEdges(3, [
        [0, 1],
        [1, 0],
        [1, 2],
        [2, 0],
      ]),
    ).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});
