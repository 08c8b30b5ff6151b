/** What stands for `node:assert` in a browser: our own mistakes stop here too, with a sentence. */

export function strict(holds: unknown, message = "something that must hold does not"): asserts holds {
  if (holds === false || holds === undefined || holds === null || holds === 0 || holds === "") throw new Error(message);
}

strict.deepEqual = (): never => {
  throw new Error("not to be used in a browser");
};
