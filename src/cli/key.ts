/** `fate key`: makes a key, or the hash of one. */

import { generateKey, hashKey } from "../gateway/config/keys.ts";
import { command, type Command } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

/** Nobody guesses a key of so many characters, if they are any good. */
const leastLength = 20;
const mostLength = 512;

export const keyCommand = createKeyCommand(() => process.stdin);

export function createKeyCommand(open: () => AsyncIterable<string | Uint8Array>): Command {
  return command({
    name: "key",
    summary: "make a key for callers of the gateway, and the lines of fate.yaml that admit it",
    usage: "key [--id NAME] [--tenant NAME] [--hash] [--json]",
    options: [
      {
        name: "id",
        kind: "text",
        shows: "a name",
        summary: "what the key is called; the start of its hash unless said",
      },
      { name: "tenant", kind: "text", shows: "a name", default: "default", summary: "whose it is" },
      { name: "hash", kind: "flag", summary: "of the key on standard input, instead of a new one" },
      { name: "json", kind: "flag", summary: "as JSON" },
    ],
    positionals: [],
    examples: ["fate key --tenant research", "fate key --hash < key.txt"],
    run: async ({ values, terminal }) => {
      const key = values.hash ? await readKey(open()) : generateKey();
      const sha256 = hashKey(key);
      const id = values.id ?? `key-${sha256.slice(0, 8)}`;
      for (const [option, name] of [
        ["id", id],
        ["tenant", values.tenant],
      ])
        if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name ?? ""))
          throw new UsageError(`--${option}: found ${JSON.stringify(name)}, expected letters, digits, dots and dashes`);
      const entry = { id, sha256, tenant: values.tenant };
      if (values.json) {
        terminal.out(`${JSON.stringify(values.hash ? entry : { key, ...entry })}\n`);
        return;
      }
      if (!values.hash) terminal.out(`${key}\n\n`);
      terminal.out(`keys:\n  - id: "${id}"\n    sha256: "${sha256}"\n    tenant: "${values.tenant}"\n`);
      if (!values.hash) terminal.note("The key is shown this once; fate.yaml needs its hash only.");
    },
  });
}

async function readKey(input: AsyncIterable<string | Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of input) {
    text += typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
    if (text.length > 4 * mostLength) break;
  }
  const key = text.trim();
  if (key.length < leastLength || key.length > mostLength || /\s/.test(key))
    throw new UsageError(
      `fate key --hash reads one key of ${leastLength} to ${mostLength} characters from standard input, without spaces`,
    );
  return key;
}
