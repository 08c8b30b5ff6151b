/** What a call over HTTP says: what it asks for, whose it is, and what of its body goes on to an engine. */

import type { IncomingHttpHeaders } from "node:http";
import { JsonSpliceError, spliceJson } from "../../wire/json-splice.ts";
import { isFault, type CallFault, type CallShape, type Surface } from "../call/call.ts";
import { readIdentity, type ReadIdentity } from "../call/read-identity.ts";
import { readShape } from "../call/read-shape.ts";
import { badCall } from "./engine-answer.ts";

export type ReadCall = {
  readonly shape: CallShape;
  readonly identity: ReadIdentity;
  /** The body as parsed. */
  readonly fields: object;
  /** The client's own bytes, but for what was said to us in them. */
  readonly body: Buffer;
  /** May be made a second time if nothing has come of the first. */
  readonly repeatable: boolean;
};

export function readCall(surface: Surface, headers: IncomingHttpHeaders, bytes: Buffer): ReadCall | CallFault {
  let fields: unknown;
  try {
    fields = JSON.parse(bytes.toString());
  } catch {
    return { ...badCall("The body is not valid JSON."), code: "invalid_json" };
  }
  const shape = readShape(surface, fields);
  if (isFault(shape)) return shape;
  const identity = readIdentity(headers, fields);
  if (isFault(identity)) return identity;
  // A body that has a shape is an object.
  const object = fields as object;
  const body = withoutOurs(bytes, object);
  if (isFault(body)) return body;
  return { shape, identity, fields: object, body, repeatable: isRepeatable(surface, object) };
}

/** Strict servers refuse fields that they do not know. */
function withoutOurs(bytes: Buffer, fields: object): Buffer | CallFault {
  if (!Object.hasOwn(fields, "workflow")) return bytes;
  try {
    return Buffer.from(spliceJson(bytes, { workflow: undefined }));
  } catch (error) {
    if (!(error instanceof JsonSpliceError)) throw error;
    return badCall(`The body cannot be sent on: ${error.message}.`);
  }
}

/** A call that leaves something behind on the server is not made twice. */
function isRepeatable(surface: Surface, fields: object): boolean {
  if (surface !== "responses") return true;
  return (
    "store" in fields &&
    fields.store === false &&
    !("previous_response_id" in fields && fields.previous_response_id !== null)
  );
}
