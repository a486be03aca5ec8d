/** A CDK app that sends a mail when an agent is lost, but not when it leaves intentionally. */

import { AgentHeartbeat } from "@agent-heartbeat/cdk";
import { App, CfnParameter, Stack } from "aws-cdk-lib";
import { EventField, Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { SnsTopic } from "aws-cdk-lib/aws-events-targets";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";

const app = new App();
const stack = new Stack(app, "OfflineAlert");

const { eventBus } = new AgentHeartbeat(stack, "Presence", { dashboard: false });

const onCall = new CfnParameter(stack, "OnCall", {
  description: "Address that receives the mails",
});
const topic = new Topic(stack, "Lost", { enforceSSL: true });
topic.addSubscription(new EmailSubscription(onCall.valueAsString));

new Rule(stack, "LostAgents", {
  eventBus,
  eventPattern: {
    detailType: ["Agent Offline"],
    detail: { reason: ["connection_lost", "lease_expired"] },
  },
  targets: [
    new SnsTopic(topic, {
      message: RuleTargetInput.fromText(
        `Agent ${EventField.fromPath("$.detail.agentId")} of ` +
          `${EventField.fromPath("$.detail.organizationId")} is offline: ` +
          EventField.fromPath("$.detail.reason"),
      ),
    }),
  ],
});
