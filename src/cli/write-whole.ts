import { writeFileSync } from "node:fs";
import { createWholeFile } from "../experiment/whole-file.ts";

/** Writes the text, or leaves no file if that fails. */
export function writeWhole(path: string, text: string): void {
  const file = createWholeFile(path);
  try {
    writeFileSync(file.path, text);
    file.commit();
  } catch (error) {
    file.discard();
    throw error;
  }
}
