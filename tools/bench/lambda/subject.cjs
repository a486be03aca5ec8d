/**
 * A measured process: loads one bundled function and calls it on request. Plain JavaScript, since a
 * loader would be measured too.
 */

const { handler } = require(process.argv[2]);
const context = { getRemainingTimeInMillis: () => 300_000 };
let first = true;

process.on("message", async ({ events }) => {
  const [from, began] = [process.cpuUsage(), performance.now()];
  try {
    for (const event of events) await handler(event, context);
  } catch (error) {
    process.send({ failed: String(error?.stack ?? error) });
    return;
  }
  const [{ user, system }, now] = [process.cpuUsage(from), performance.now()];
  const whole = process.cpuUsage();
  process.send({
    cpuUs: user + system,
    wallMs: now - began,
    ...(first && { coldMs: now, coldCpuUs: whole.user + whole.system }),
  });
  first = false;
});
process.send("loaded");
