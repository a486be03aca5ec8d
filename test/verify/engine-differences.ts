/** Where the emulator's DynamoDB is known to differ from AWS's, by the tests that show it. */

export const ENGINE_DIFFERENCES: readonly { test: string; reason: string }[] = [];
