/** Finds the changes that lock agents out among the records of a stream, and which of them were handled. */

import type { Settlement } from "../evidence";

interface Image {
  organizationId?: { S?: string };
  agentId?: { S?: string };
  fencingToken?: { N?: string };
  revokedKeys?: { L?: { S?: string }[] };
}

/** The event of a function that reads the stream of the status table; any other has no records. */
export interface StreamEvent {
  Records?: {
    eventID: string;
    dynamodb?: {
      SequenceNumber: string;
      /** In seconds. */
      ApproximateCreationDateTime: number;
      OldImage?: Image;
      NewImage?: Image;
    };
  }[];
}

/** @param result what the function has returned: everything before the record that it names was handled */
export function settledBy(
  { Records = [] }: StreamEvent,
  result: unknown,
  organizationId: string,
): Omit<Settlement, "at">[] {
  const { batchItemFailures = [] } = (result ?? {}) as {
    batchItemFailures?: { itemIdentifier: string }[];
  };
  const failed = Records.findIndex(({ dynamodb }) =>
    batchItemFailures.some(({ itemIdentifier }) => itemIdentifier === dynamodb?.SequenceNumber),
  );
  return Records.slice(0, failed < 0 ? Records.length : failed).flatMap(({ eventID, dynamodb }) => {
    const { OldImage, NewImage, ApproximateCreationDateTime = 0 } = dynamodb ?? {};
    const agentId = NewImage?.agentId?.S;
    if (agentId === undefined || NewImage?.organizationId?.S !== organizationId) return [];
    if (lockOutIn(OldImage) === lockOutIn(NewImage)) return [];
    return [{ id: eventID, agentId, writtenAt: ApproximateCreationDateTime * 1000 }];
  });
}

const lockOutIn = (image: Image | undefined) =>
  JSON.stringify([image?.fencingToken?.N, image?.revokedKeys?.L?.map(({ S }) => S).sort()]);
