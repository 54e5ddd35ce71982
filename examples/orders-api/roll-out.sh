#!/usr/bin/env bash
# After `sam deploy`: roll out what the stack now defines, and wait for the outcome.
# ./roll-out.sh [STACK] [OPTIONS OF rollout start]
# Exit codes are those of `rollout start --wait`: 0 promoted, 3 rolled back, 4 held, 5 stopped or failed, 2 rejected.
set -euo pipefail
stack="${1:-orders}"
shift || true
here="$(cd "$(dirname "$0")" && pwd)"

output() {
  aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

rest_api_id="$(output RestApiId)"
orders_version="$(output OrdersVersion)"
sed -e "s/REST_API_ID/$rest_api_id/" -e "s/ORDERS_VERSION/$orders_version/" "$here/request.json" |
  rollout start - --wait "$@"
