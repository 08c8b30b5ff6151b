/** Writes the published schemas: `node src/trace/write-schemas.ts`. A test holds the committed files to this. */

import { writeFileSync } from "node:fs";
import { clusterShape } from "./cluster-shape.ts";
import type { JsonSchema } from "./shape.ts";
import { workloadShape } from "./workload-shape.ts";

export const schemas: { readonly [file: string]: JsonSchema } = {
  "workload.schema.json": titled("workload.schema.json", "Fate workload", workloadShape.schema),
  "cluster.schema.json": titled("cluster.schema.json", "Fate cluster", clusterShape.schema),
};

export function renderSchema(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function titled(id: string, title: string, schema: JsonSchema): JsonSchema {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", $id: id, title, ...schema };
}

if (import.meta.main) {
  for (const [file, schema] of Object.entries(schemas))
    writeFileSync(new URL(`../../schema/${file}`, import.meta.url), renderSchema(schema));
}
