/** Finds `node-llama-cpp`: among the project's packages, else where `install.ts` puts it, below the working directory. */

import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { LlamaLibrary, TemplateLibrary } from "./library.ts";

/** A project of its own, so that the lean install touches no other. */
export const libraryFolder = join(".fate", "llama");

export type LoadedLibrary = LlamaLibrary & TemplateLibrary;

/** Path of the library's module, or nothing if it is not installed. */
export function findLibrary(folder: string = resolve(libraryFolder)): string | undefined {
  return findMain("node-llama-cpp", import.meta.url) ?? findMain("node-llama-cpp", baseOf(folder));
}

export async function loadLibrary(folder: string = resolve(libraryFolder)): Promise<LoadedLibrary> {
  const main = findLibrary(folder);
  if (main === undefined) throw new Error(missingLibrary);
  const base = pathToFileURL(main).href;
  const template = findMain("@huggingface/jinja", base);
  if (template === undefined) throw new Error(`${missingLibrary} (@huggingface/jinja, a part of it, is not there)`);
  const { getLlama } = (await import(base)) as LlamaLibrary;
  const { Template } = (await import(pathToFileURL(template).href)) as TemplateLibrary;
  return { getLlama, Template };
}

export const missingLibrary =
  "node-llama-cpp is not installed: run `npm run llama:install`, or `npm install node-llama-cpp` for all its GPU variants";

function baseOf(folder: string): string {
  return pathToFileURL(join(folder, "package.json")).href;
}

function findMain(name: string, base: string): string | undefined {
  const path = findPackage(name, base);
  if (path === undefined) return undefined;
  const { main, module } = JSON.parse(readFileSync(path, "utf8")) as { main?: string; module?: string };
  return join(dirname(path), module ?? main ?? "index.js");
}

function findPackage(name: string, base: string): string | undefined {
  try {
    return findPackageJSON(name, base);
  } catch {
    // Thrown instead of returning nothing when no folder on the way up has the package.
    return undefined;
  }
}
