/** `node examples/llama/write-models.ts [FOLDER]`: writes three tiny models with random weights for `fate.yaml` beside this file. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { shapes, type LlamaShape } from "../../src/llama/shape.ts";
import { writeGguf } from "../../src/llama/write-gguf.ts";

const [folder = ".fate/models"] = process.argv.slice(2);
const models: readonly (readonly [string, LlamaShape])[] = [
  ["planner", shapes.large],
  ["explorer", shapes.small],
  ["coder", shapes.medium],
];

mkdirSync(folder, { recursive: true });
for (const [seed, [name, shape]] of models.entries()) {
  const path = join(folder, `${name}.gguf`);
  writeGguf(path, { name, seed, shape });
  process.stdout.write(`${path}\n`);
}
