/** A fault on its way from a worker to whoever waits for it: errors lose their class in between. */

import { InputError } from "../trace/input-error.ts";

export type Failure = {
  readonly message: string;
  readonly stack?: string;
  /** Set when outside data is at fault. */
  readonly input?: { readonly file: string; readonly place: string; readonly found: string; readonly expected: string };
};

export function toFailure(error: unknown): Failure {
  if (error instanceof InputError) {
    const { message, file, place, found, expected } = error;
    return { message, input: { file, place, found, expected } };
  }
  if (!(error instanceof Error)) return { message: String(error) };
  return { message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
}

/** `about` says what failed, where the fault is not in outside data. */
export function toError({ message, stack, input }: Failure, about?: string): Error {
  if (input !== undefined) return new InputError(input.file, input.place, input.found, input.expected);
  const error = new Error(about === undefined ? message : `${about}: ${message}`);
  if (stack !== undefined) error.stack = stack;
  return error;
}
