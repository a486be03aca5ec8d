/** What is shown instead of the fleet to a user who is not, or no longer, signed in. */

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { SIGN_IN_COMMAND } from "../shell/banners";

export interface SignedOutProps {
  problem: string;
  /** Undefined if the page can't sign in by itself. */
  onSignIn: (() => void) | undefined;
}

export function SignedOut({ problem, onSignIn }: SignedOutProps) {
  const action = onSignIn && <Button onClick={onSignIn}>Sign in</Button>;
  return (
    <main>
      <Box padding="xxl">
        <ContentLayout header={<Header variant="h1">Agent Heartbeat</Header>}>
          <SpaceBetween size="l">
            <Alert type="info" header={problem} action={action}>
              {onSignIn ? (
                "The runtime on this machine signs you in."
              ) : (
                <>
                  Open the page with <Box variant="code">{SIGN_IN_COMMAND}</Box>, which signs you in
                  for some hours. On the machine where <Box variant="code">npm start</Box> runs,
                  open the address that it prints.
                </>
              )}
            </Alert>
          </SpaceBetween>
        </ContentLayout>
      </Box>
    </main>
  );
}
