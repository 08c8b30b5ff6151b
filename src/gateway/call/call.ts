/** A call as a client makes it, read once: which workflow it says it belongs to, and what it asks of a model. */

import type { ChainLink } from "../../model/prefix.ts";

/** The surfaces that are scheduled, by path. */
export type Surface = "chat" | "completions" | "embeddings" | "responses" | "messages";

/** What a call asks for, as far as a scheduler needs it. */
export type CallShape = {
  /** As the client names it. */
  readonly model: string;
  readonly stream: boolean;
  /** The prompt as hashes of its beginnings: a link a message, and several for a long one. */
  readonly chain: readonly ChainLink[];
  readonly promptTokens: number;
  /** Of these, the last message's. */
  readonly lastTokens: number;
  /** Cap that the client set on the answer; absent: none. */
  readonly limitTokens?: number;
  /** Answers asked for at once, or inputs of an embedding. */
  readonly sequences: number;
  /** Expected length of the answer, where the client says (`nvext.agent_hints.osl`). */
  readonly expectedTokens?: number;
};

/** Who a call says it is. Nothing here is trusted for anything but scheduling. */
export type Identity = {
  /** Which convention it came by, such as `fate`, `claude-code`, `dynamo`; absent with `workflow`. */
  readonly source?: string;
  /** Absent: a workflow of this one call. */
  readonly workflow?: string;
  /** A child agent's own thread inside the workflow. */
  readonly thread?: string;
  readonly stage?: string;
  /** Stages of the workflow whose results this one reads; absent: to be inferred. */
  readonly parents?: readonly string[];
  /** Nothing follows in this workflow. */
  readonly final: boolean;
  readonly deadlineMs?: number;
  readonly sloScale?: number;
  /** Larger is more urgent. */
  readonly priority?: number;
  readonly class?: string;
  /** Where the client would like to go: a session's last engine, say. A wish. */
  readonly affinity?: string;
  /** Sets of prompts that must not share a cache. */
  readonly cacheSalt?: string;
};

/** Why a call cannot be taken, in OpenAI's words. */
export type CallFault = {
  readonly status: number;
  /** `error.type`, `error.code` and `error.param` of the answer. */
  readonly type:
    | "invalid_request_error"
    | "authentication_error"
    | "permission_error"
    | "rate_limit_error"
    | "server_error";
  readonly code: string;
  readonly param?: string;
  readonly message: string;
  readonly retryAfterS?: number;
};

export function isFault(read: object): read is CallFault {
  return "status" in read && "code" in read;
}
