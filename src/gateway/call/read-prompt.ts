/** Takes a call's prompt into a chain, in the order in which servers lay it out: tools, instructions, then messages. */

import type { CallFault, Surface } from "./call.ts";
import { invalid, missing, wrongType } from "./fault.ts";
import type { PromptChain } from "./prompt-chain.ts";

/** The fields of a body that are read here; any of them may be of any type. */
export type Body = {
  readonly [
    Field in
      | "model"
      | "stream"
      | "messages"
      | "tools"
      | "functions"
      | "system"
      | "instructions"
      | "input"
      | "prompt"
      | "previous_response_id"
      | "cache_salt"
      | "nvext"
      | "n"
      | "best_of"
      | "max_tokens"
      | "max_completion_tokens"
      | "max_output_tokens"
  ]?: unknown;
};

/** How many prompts there are. */
export function readPrompt(surface: Surface, body: Body, chain: PromptChain): number | CallFault {
  addSalt(body, chain);
  const prompts = readers[surface](body, chain);
  chain.finish();
  return prompts;
}

const readers = { chat, completions, embeddings, responses, messages } as const satisfies Record<Surface, Reader>;

type Reader = (body: Body, chain: PromptChain) => number | CallFault;

/** Prompts with different salts share no cache, whatever they have in common. */
function addSalt({ cache_salt: salt, nvext }: Body, chain: PromptChain): void {
  if (typeof salt === "string" && salt !== "") return chain.salt(salt);
  if (typeof nvext !== "object" || nvext === null) return;
  const { cache_salt: dynamoSalt } = nvext as { readonly cache_salt?: unknown };
  if (typeof dynamoSalt === "string" && dynamoSalt !== "") chain.salt(dynamoSalt);
}

function chat(body: Body, chain: PromptChain): number | CallFault {
  addPart(body.tools, chain);
  addPart(body.functions, chain);
  return addMessages(body.messages, chain) ?? 1;
}

function messages(body: Body, chain: PromptChain): number | CallFault {
  addPart(body.tools, chain);
  const { system } = body;
  if (system !== undefined && system !== null) {
    if (typeof system !== "string" && !Array.isArray(system))
      return wrongType("system", "a string or an array", system);
    addSystem(system, chain);
    chain.close();
  }
  return addMessages(body.messages, chain) ?? 1;
}

/** What a response that is gone on with held is not known here: its id stands for it. */
function responses(body: Body, chain: PromptChain): number | CallFault {
  const { input, instructions, previous_response_id: previous } = body;
  if (typeof previous === "string") chain.salt(previous);
  addPart(body.tools, chain);
  addPart(instructions, chain);
  if (input === undefined || input === null) {
    const elsewhere =
      typeof instructions === "string" || typeof previous === "string" || typeof body.prompt === "object";
    return elsewhere ? 1 : missing("input");
  }
  if (typeof input === "string") chain.text(input);
  else if (!Array.isArray(input)) return wrongType("input", "a string or an array", input);
  else {
    for (const [index, item] of input.entries()) {
      if (!isObject(item)) return wrongType(`input[${index}]`, "an object", item);
      addMessage(item, chain);
    }
  }
  return 1;
}

function completions({ prompt }: Body, chain: PromptChain): number | CallFault {
  return prompt === undefined || prompt === null ? missing("prompt") : addPrompts("prompt", prompt, chain);
}

function embeddings({ input, messages: conversation }: Body, chain: PromptChain): number | CallFault {
  if (input === undefined || input === null) {
    return Array.isArray(conversation) ? (addMessages(conversation, chain) ?? 1) : missing("input");
  }
  return addPrompts("input", input, chain);
}

/** A text, the ids of tokens, or a list of either. */
function addPrompts(param: string, prompt: unknown, chain: PromptChain): number | CallFault {
  if (typeof prompt === "string") {
    chain.text(prompt);
    return 1;
  }
  if (!Array.isArray(prompt)) return wrongType(param, "a string or an array", prompt);
  if (prompt.length === 0) return empty(param);
  if (typeof prompt[0] === "number") return addTokens(param, prompt, chain) ?? 1;
  for (const [index, item] of prompt.entries()) {
    if (typeof item === "string") chain.text(item);
    else if (!Array.isArray(item)) return wrongType(`${param}[${index}]`, "a string or an array of token ids", item);
    else {
      const fault = addTokens(`${param}[${index}]`, item, chain);
      if (fault !== undefined) return fault;
    }
    if (index === 0) chain.close();
  }
  return prompt.length;
}

function addTokens(param: string, ids: readonly unknown[], chain: PromptChain): CallFault | undefined {
  if (ids.length === 0) return empty(param);
  for (const [index, id] of ids.entries()) {
    if (typeof id !== "number" || !Number.isInteger(id)) return wrongType(`${param}[${index}]`, "a token id", id);
    chain.token(id);
  }
  return undefined;
}

function addMessages(conversation: unknown, chain: PromptChain): CallFault | undefined {
  if (conversation === undefined || conversation === null) return missing("messages");
  if (!Array.isArray(conversation)) return wrongType("messages", "an array of objects", conversation);
  if (conversation.length === 0) return empty("messages");
  for (let index = 0; index < conversation.length; index++) {
    const message: unknown = conversation[index];
    if (!isObject(message)) return wrongType(`messages[${index}]`, "an object", message);
    const { role, content } = message;
    if (role === undefined || role === null) return missing(`messages[${index}].role`);
    if (typeof role !== "string") return wrongType(`messages[${index}].role`, "a string", role);
    if (!isContent(content)) return wrongType(`messages[${index}].content`, "a string or an array of parts", content);
    addMessage(message, chain);
  }
  return undefined;
}

function addMessage(message: Message, chain: PromptChain): void {
  if (message.role === "system") addSystem(message.content, chain);
  else chain.value(message);
  chain.close();
}

/** A part of the prompt ahead of the messages, if it is there. */
function addPart(part: unknown, chain: PromptChain): void {
  if (part === undefined || part === null) return;
  chain.value(part);
  chain.close();
}

/** Claude Code puts a line here that is different in every call; servers take it out before they read the prompt. */
const billingHeader = "x-anthropic-billing-header:";

function addSystem(system: unknown, chain: PromptChain): void {
  chain.text("system");
  if (typeof system === "string") chain.text(withoutBillingHeader(system));
  else if (!Array.isArray(system)) chain.value(system);
  else for (const part of system) addSystemPart(part, chain);
}

function addSystemPart(part: unknown, chain: PromptChain): void {
  if (!isObject(part) || typeof part.text !== "string" || !part.text.startsWith(billingHeader)) chain.value(part);
  else {
    const rest = withoutBillingHeader(part.text);
    if (rest !== "") chain.value({ ...part, text: rest });
  }
}

function withoutBillingHeader(text: string): string {
  if (!text.startsWith(billingHeader)) return text;
  const end = text.indexOf("\n");
  return end === -1 ? "" : text.slice(end + 1);
}

type Message = { readonly role?: unknown; readonly content?: unknown; readonly text?: unknown };

function isObject(value: unknown): value is Message {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isContent(content: unknown): boolean {
  return content === undefined || content === null || typeof content === "string" || Array.isArray(content);
}

function empty(param: string): CallFault {
  return invalid(
    "empty_array",
    param,
    `Invalid '${param}': expected an array with at least one item, but got an empty one.`,
  );
}
