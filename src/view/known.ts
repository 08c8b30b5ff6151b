/** What the page knows from the start: who serves it, and what there is to be looked at. */

export type Known = {
  /** A running gateway, or a viewer of files. */
  readonly kind: "gateway" | "viewer";
  /** Nobody is asked for a key. */
  readonly open: boolean;
  /** Journals that are looked at from the start: their names, and where they are to be had. */
  readonly files: readonly { readonly name: string; readonly url: string }[];
  /** Whether the server replays a workload in the simulator. */
  readonly whatIf: boolean;
};
