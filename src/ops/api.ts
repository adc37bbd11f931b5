import { z } from "zod";
import { conversationEndpoints } from "./conversation-routes.ts";
import { endpoint, type Endpoint } from "./endpoints.ts";
import { healthEndpoints } from "./health-routes.ts";
import type { AdminDeps } from "./http.ts";
import { letterEndpoints } from "./letter-routes.ts";
import { linkListEndpoints } from "./link-routes.ts";
import { openApi } from "./openapi.ts";
import { peopleEndpoints } from "./people-routes.ts";
import { planEndpoints } from "./plan-routes.ts";
import { quarantineEndpoints } from "./quarantine-routes.ts";

/** Everything that the admin port answers, and the document that says so. */
export function adminEndpoints(deps: AdminDeps): readonly Endpoint[] {
  const described: Endpoint[] = [
    ...healthEndpoints(deps),
    ...letterEndpoints(deps),
    ...quarantineEndpoints(deps),
    ...conversationEndpoints(deps),
    ...linkListEndpoints(deps),
    ...peopleEndpoints(deps),
    ...planEndpoints(deps),
  ];
  let document: Record<string, unknown> | undefined;
  const documentEndpoint = endpoint({
    ...{ method: "GET", path: "/api/v1/openapi.json", role: "viewer", refuses: [] },
    summary: "This document.",
    answer: z.looseObject({ openapi: z.literal("3.1.0") }),
    run: () => {
      document ??= openApi(all);
      return Promise.resolve(document as { openapi: "3.1.0" });
    },
  });
  const all = [...described, documentEndpoint];
  return all;
}
