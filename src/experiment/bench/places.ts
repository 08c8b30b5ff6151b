/** Groups of a result file: a cluster and a mode. */

export type Place = { readonly cluster: string; readonly mode: string };

export function toPlaces({ summary }: { readonly summary: readonly Place[] }): readonly Place[] {
  const seen = new Map(summary.map(({ cluster, mode }) => [JSON.stringify([cluster, mode]), { cluster, mode }]));
  return [...seen.values()];
}

export function isAt({ cluster, mode }: Place): (row: Place) => boolean {
  return (row) => row.cluster === cluster && row.mode === mode;
}
