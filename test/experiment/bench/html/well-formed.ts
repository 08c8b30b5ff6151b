/** A strict reading of markup that is XML too: tags nest, attributes are quoted and told once, references are known. */

export type Tag = { readonly name: string; readonly attributes: ReadonlyMap<string, string> };

/** The tags that open, in order; throws at the first fault. */
export function readMarkup(markup: string): readonly Tag[] {
  const open: string[] = [];
  const tags: Tag[] = [];
  const body = markup.replace(/^<!doctype html>\n/, "");
  let end = 0;
  for (const match of body.matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const [whole, closing = "", name = "", written = "", alone = ""] = match;
    checkText(body.slice(end, match.index), open.at(-1));
    end = match.index + whole.length;
    if (closing !== "") {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing at ${match.index}`);
      continue;
    }
    const attributes = new Map<string, string>();
    for (const [, key = "", value = ""] of written.matchAll(/([\w:-]+)="([^"]*)"/g)) {
      if (attributes.has(key)) throw new Error(`${key} twice in <${name}>`);
      checkText(value, name);
      attributes.set(key, value);
    }
    tags.push({ name, attributes });
    if (alone === "") open.push(name);
  }
  checkText(body.slice(end), undefined);
  if (open.length > 0) throw new Error(`<${open.at(-1)}> stays open`);
  return tags;
}

function checkText(text: string, inside: string | undefined): void {
  if (inside === "style") return;
  const fault = /[<>]|&(?!(?:amp|lt|gt|quot|#39);)/.exec(text);
  if (fault !== null) throw new Error(`${fault[0]} in the text of <${inside}>: ${text.slice(0, 80)}`);
  if (inside === undefined && text.trim() !== "") throw new Error(`text outside: ${text.slice(0, 80)}`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed())
    throw new Error("a character that is none");
}
