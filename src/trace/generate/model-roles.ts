/** Which models the roles of a generated workflow use. */

import type { ModelId } from "../../model/model.ts";
import { drawWeighted } from "../../random/distributions.ts";
import { annotationModels } from "../annotate/models.ts";
import type { FamilyRequest } from "./family.ts";

/** One model for each role, drawn by share among the language models; the request's own model if it names one. */
export function drawRoles<const R extends string>(request: FamilyRequest, roles: readonly R[]): Record<R, ModelId> {
  const rng = request.rng.stream("roles");
  const given = (request.models ?? annotationModels).filter((entry) => entry.kind === "llm");
  const shares = given.map((entry) => [entry.model, entry.share] as const);
  const picked = roles.map((role) => [role, request.model ?? drawWeighted(rng, shares)] as const);
  return Object.fromEntries(picked) as Record<R, ModelId>;
}
