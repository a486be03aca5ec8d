/** An event bus that takes what the command line puts on it. */

/**
 * @param eventId of every event
 * @returns the details of the events that were put, in order, and the client for a command
 */
export function recordingBus(eventId: string) {
  const sent: unknown[] = [];
  const send = async ({ input }: { input: { Entries: { Detail: string }[] } }) => {
    sent.push(...input.Entries.map(({ Detail }) => JSON.parse(Detail)));
    return { Entries: [{ EventId: eventId }] };
  };
  return { sent, eventBridge: async () => ({ send }) as never };
}
