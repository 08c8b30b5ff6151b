/** An application as its builder drew it: nodes with roles, edges between them, containers around some. */

/** What a node is to a scheduler. */
export type NodeRole =
  | { readonly kind: "llm" }
  | { readonly kind: "embed" }
  | { readonly kind: "tool"; readonly seconds: number }
  /** Steers, and takes no time. */
  | { readonly kind: "pass" }
  /** Other nodes name it as their parent: its body. */
  | { readonly kind: "container"; readonly repeats: "side-by-side" | "in-a-row" }
  | { readonly kind: "note" };

export type ApplicationNode = {
  readonly id: string;
  readonly role: NodeRole;
  readonly type: string;
  readonly title: string;
  readonly model?: string;
  readonly promptTokens?: number;
  /** The container it lies in. */
  readonly parent?: string;
};

export type ApplicationGraph = {
  readonly name: string;
  readonly family: string;
  readonly nodes: readonly ApplicationNode[];
  readonly edges: readonly ApplicationEdge[];
};

export type ApplicationEdge = { readonly from: string; readonly to: string };
