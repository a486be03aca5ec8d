/** What is shown instead of the fleet to somebody who is not signed in, or not any more. */

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { SIGN_IN_COMMAND } from "../shell/banners";

export function SignedOut({ problem }: { problem: string }) {
  return (
    <main>
      <Box padding="xxl">
        <ContentLayout header={<Header variant="h1">Agent Heartbeat</Header>}>
          <SpaceBetween size="l">
            <Alert type="info" header={problem}>
              Open the page with <Box variant="code">{SIGN_IN_COMMAND}</Box>, which signs you in for
              some hours. On your own machine, take the link that{" "}
              <Box variant="code">npm start</Box> prints.
            </Alert>
          </SpaceBetween>
        </ContentLayout>
      </Box>
    </main>
  );
}
