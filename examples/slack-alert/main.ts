/** The same alert from a process of one's own, which watches the fleet: beside the local runtime, or any stack. */

import { FleetWatcher } from "@agent-heartbeat/sdk";
import { settingsFromEnvironment } from "../settings";
import { GRACE_SECONDS, LOST, type Loss, tell } from "./alert";

const { SLACK_WEBHOOK_URL, SLACK_GRACE_SECONDS = GRACE_SECONDS } = process.env;
if (!SLACK_WEBHOOK_URL) {
  console.error("set SLACK_WEBHOOK_URL to an incoming webhook of Slack");
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
    const told = await tell(loss, {
      look: async (_organizationId, agentId) => fleet.agents.get(agentId),
      webhookUrl: async () => SLACK_WEBHOOK_URL ?? "",
      fetch,
    });
    console.log(told ? `${loss.agentId}: told` : `${loss.agentId}: back again, not told`);
  } catch (error) {
    console.error(`${loss.agentId}: not told: ${String(error)}`);
  }
}

void fleet.start().then(() => console.log(`watching ${fleet.agents.size} agents`));
