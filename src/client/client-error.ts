/** Whatever a gateway refuses, or a connection that does not hold. */
export class FateError extends Error {
  override readonly name = "FateError";
  /** Of the answer; 0 if there was none. */
  readonly status: number;
  /** A word to branch on, such as `workflow_not_found`. */
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}
