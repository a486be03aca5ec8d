/** The templates that the checks look at: as it comes, and with every option on. */

import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import type { AgentHeartbeatProps } from "../../lib/props";

export const TEMPLATES = {
  default: () => ({}),
  all: (app: App): AgentHeartbeatProps => ({
    accessLogs: true,
    tracing: true,
    alarmTopic: new Topic(new Stack(app, "Surroundings"), "Alarms"),
    sweepInterval: Duration.minutes(1),
    throttling: { rateLimit: 100, burstLimit: 50 },
  }),
} as const;

/** The template as CloudFormation gets it, with nothing bundled. */
export function templateOf(props: (app: App) => AgentHeartbeatProps): object {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  const stack = new AgentHeartbeatStack(app, "AgentHeartbeat", props(app));
  return Template.fromStack(stack).toJSON();
}
