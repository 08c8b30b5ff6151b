import { closeSync, openSync, writeFileSync } from "node:fs";
import { createWholeFile, unwritable, type WholeFile } from "../experiment/whole-file.ts";

/** Writes the text, or leaves no file if that fails. */
export function writeWhole(path: string, text: string): void {
  const file = createWholeFile(path);
  try {
    writeFileSync(file.path, text);
    file.commit();
  } catch (error) {
    file.discard();
    throw unwritable(path, error);
  }
}

type Fill<Told> = (write: (piece: string | Uint8Array) => void) => Promise<Told>;

/** Lets `fill` write, piece by piece, or leaves no file if that fails. Returns what `fill` does. */
export async function writeByPieces<Told>(path: string, fill: Fill<Told>): Promise<Told> {
  const file = createWholeFile(path);
  try {
    const told = await fillOpened(file, path, fill);
    file.commit();
    return told;
  } catch (error) {
    file.discard();
    throw error;
  }
}

async function fillOpened<Told>(file: WholeFile, path: string, fill: Fill<Told>): Promise<Told> {
  const handle = openSync(file.path, "w");
  const write = (piece: string | Uint8Array): void => {
    try {
      writeFileSync(handle, piece);
    } catch (error) {
      throw unwritable(path, error);
    }
  };
  try {
    return await fill(write);
  } finally {
    closeSync(handle);
  }
}
