/** Writes the published schema: `node src/gateway/declared/write-schema.ts`. A test holds the committed file to this. */

import { writeFileSync } from "node:fs";
import { renderSchema } from "../../trace/write-schemas.ts";
import { declaredShape } from "./declared-shape.ts";

export const declaredSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "declared-workflow.schema.json",
  title: "Fate declared workflow",
  ...declaredShape.schema,
};

if (import.meta.main)
  writeFileSync(
    new URL("../../../schema/declared-workflow.schema.json", import.meta.url),
    renderSchema(declaredSchema),
  );
