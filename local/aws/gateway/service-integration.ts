/** Calls an AWS service on behalf of a route, by the templates of its integration. */

import { LocalRuntimeError } from "../errors";
import type { ServiceIntegrationDescription } from "../resources/web-socket-api";
import type { Integration } from "./integration-result";
import { type MappingTemplate, mappingTemplate } from "./mapping-template";

/** Calls an action of a service, as in `dynamodb` and `UpdateItem`. @throws Error if there is no answer */
export type ServiceCall = (
  service: string,
  action: string,
  body: string,
) => Promise<{ status: number; body: string }>;

/** What a service's integration is given of an event. */
interface ServiceEvent {
  body?: string;
  requestContext: object;
}

/**
 * An answer of any status goes through the one integration response that there is, `$default`. For what API
 * Gateway compares other keys with, where the service is not Lambda, its documentation does not say.
 *
 * @throws LocalRuntimeError if a template can't be read
 */
export function serviceIntegration(
  { service, action, requestTemplate, responseTemplate }: ServiceIntegrationDescription,
  call: ServiceCall,
): Integration {
  const request = mappingTemplate(requestTemplate);
  const response = responseTemplate === undefined ? undefined : mappingTemplate(responseTemplate);
  const render = (template: MappingTemplate, which: string, body: string, context: object) => {
    try {
      return template({ body, context });
    } catch (cause) {
      const { message } = cause as Error;
      throw new LocalRuntimeError(`The ${which} template of ${action}: ${message}`, { cause });
    }
  };
  return async (event) => {
    const { body = "", requestContext } = event as ServiceEvent;
    const sent = render(request, "request", body, requestContext);
    const answer = await call(service, action, sent);
    if (!response) return { statusCode: answer.status, headers: {}, body: answer.body };
    const text = render(response, "response", answer.body, requestContext);
    return { statusCode: answer.status, headers: {}, body: text };
  };
}
