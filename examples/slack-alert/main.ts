/**
 * The same alert from your own process that watches the fleet, with the local runtime or any stack.
 */

import { FleetWatcher } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";
import { GRACE_SECONDS, LOST, type Loss, reportLoss } from "./alert";

const { SLACK_WEBHOOK_URL, SLACK_GRACE_SECONDS = GRACE_SECONDS } = process.env;
if (!SLACK_WEBHOOK_URL) {
  console.error("set SLACK_WEBHOOK_URL to a Slack incoming webhook");
  process.exit(1);
}

const fleet = new FleetWatcher(settingsFromEnvironment());

fleet.on("change", ({ transition }) => {
  if (transition?.event !== "offline" || !LOST.some((reason) => reason === transition.reason))
    return;
  console.log(`${transition.agentId} is lost`);
  setTimeout(() => void alert(transition), Number(SLACK_GRACE_SECONDS) * 1000);
});

async function alert(loss: Loss): Promise<void> {
  try {
    const reported = await reportLoss(loss, {
      getAgent: async (_organizationId, agentId) => fleet.agents.get(agentId),
      webhookUrl: async () => SLACK_WEBHOOK_URL ?? "",
      fetch,
    });
    console.log(
      reported ? `${loss.agentId}: reported` : `${loss.agentId}: came back, not reported`,
    );
  } catch (error) {
    console.error(`${loss.agentId}: not reported: ${String(error)}`);
  }
}

void fleet.start().then(() => console.log(`watching ${fleet.agents.size} agents`));
