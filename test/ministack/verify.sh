#!/usr/bin/env bash
# Deploys the stack with the real CDK command line to MiniStack, an AWS emulator, uses it with the command line of
# this repository, and takes it down again. Needs Python 3 and Node.js, no AWS account and no Docker.
set -euo pipefail
cd "$(dirname "$0")/../.."

port=${MINISTACK_PORT:-4566}
state=$(mktemp -d)
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" GATEWAY_PORT="$port"
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true

python3 -m venv "$state/venv"
"$state/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33
(cd "$state" && exec "$state/venv/bin/ministack" >"$state/log" 2>&1) &
emulator=$!
finish() {
  kill "$emulator" 2>/dev/null || true
  wait "$emulator" 2>/dev/null || true
  rm -rf "$state"
}
trap finish EXIT
for _ in $(seq 60); do
  curl --silent --fail --output /dev/null "$AWS_ENDPOINT_URL/_ministack/health" && break
  sleep 1
done

cdk() {
  npx cdk "$@" --output "$state/cdk.out" >"$state/cdk.log" 2>&1 || { tail -20 "$state/cdk.log"; exit 1; }
}
app="node --conditions=agent-heartbeat-source --import tsx test/ministack/app.ts"
agent=(--stack AgentHeartbeat --organization acme)
cli() {
  echo "agent-heartbeat $*"
  node cli/bin/agent-heartbeat.mjs "$@" "${agent[@]}"
}

cdk bootstrap aws://000000000000/us-east-1 --app "$app"
cdk deploy --app "$app" --require-approval never
echo "deployed"
cli agents register --agent worker-1 --generate-key "$state/worker-1.pem" | head -1
cli agents list --json | grep -q '"worker-1"'
cli status --json | grep -q '\[\]'
cli agents disable --agent worker-1
cli agents remove --agent worker-1 --yes
cdk destroy --app "$app" --force
echo "destroyed"
echo "skipped: replies of routes (the emulator has no AWS::ApiGatewayV2::RouteResponse), and with them the end-to-end suite"
