/** Metrics as CloudWatch reads them from the log. */

import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { ALL_ROUTES, METRICS_NAMESPACE } from "../../../core/names";
import { metricsOf } from "../../../lambda/shared/metrics";

describe("metrics", () => {
  const lines: Record<string, unknown>[] = [];
  beforeEach(() => {
    lines.length = 0;
    process.env.POWERTOOLS_SERVICE_NAME = "heartbeat";
    // Otherwise the library has a console of its own, or, with that, no metrics.
    process.env.POWERTOOLS_DEV = "true";
    process.env.POWERTOOLS_METRICS_DISABLED = "false";
    jest.spyOn(console, "log").mockImplementation((line: string) => {
      lines.push(JSON.parse(line));
    });
  });
  afterEach(() => {
    delete process.env.POWERTOOLS_SERVICE_NAME;
    delete process.env.POWERTOOLS_DEV;
    delete process.env.POWERTOOLS_METRICS_DISABLED;
    jest.restoreAllMocks();
  });

  /** What one count publishes: under which dimensions, and how much. */
  const published = (group?: string) => {
    const metrics = metricsOf("Stack/Presence", group);
    metrics.addMetric("RouteFailures", "Count", 1);
    metrics.publishStoredMetrics();
    return lines.map(({ deployment, service, RouteFailures }) => ({
      deployment,
      service,
      RouteFailures,
    }));
  };

  it("of a function are those of its service", () => {
    expect(published()).toEqual([
      { deployment: "Stack/Presence", service: "heartbeat", RouteFailures: 1 },
    ]);
    expect(lines[0]?._aws).toMatchObject({
      CloudWatchMetrics: [
        { Namespace: METRICS_NAMESPACE, Dimensions: [["service", "deployment"]] },
      ],
    });
  });

  it("of a message route are counted for all routes together too", () => {
    expect(published(ALL_ROUTES)).toEqual([
      { deployment: "Stack/Presence", service: "heartbeat", RouteFailures: 1 },
      { deployment: "Stack/Presence", service: ALL_ROUTES, RouteFailures: 1 },
    ]);
  });
});
