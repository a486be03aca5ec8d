"""Signs the request by which an agent on AWS proves its IAM role. Only the service that it is made for can use it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError, KeyError

_BINDING_HEADER = "x-agent-heartbeat-enrolment"
_VALID_SECONDS = 300
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{1,12}){1,3}-\d{1,2}", re.ASCII)
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}
"""Where STS is, by the start of a region's name; everywhere else it is at `amazonaws.com`."""


@dataclass(frozen=True)
class AwsRole:
    """The role of this process, and where it is proved."""

    audience: str
    """The deployment's HTTP URL."""
    organization_id: str
    enrolment_id: str
    region: str
    session: Any
    """Of botocore, which finds credentials where all AWS tools do."""

    @staticmethod
    def of_process(audience: str, organization_id: str, enrolment_id: str) -> AwsRole:
        """Raises ConfigurationError if botocore is not installed, or there is no region."""
        try:
            from botocore.session import Session
        except ImportError as error:
            raise ConfigurationError(
                "option enrolment_token: one without a secret needs botocore for an IAM role's credentials: install "
                "agent-heartbeat[aws]; is the token cut off?"
            ) from error
        session = Session()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
        if not isinstance(region, str) or not _REGION.fullmatch(region):
            raise ConfigurationError(
                "option enrolment_token: one without a secret needs an AWS region such as eu-west-1 in AWS_REGION, "
                f"AWS_DEFAULT_REGION or the AWS configuration, got {region!r}"
            )
        return AwsRole(audience, organization_id, enrolment_id, region, session)

    def proof(self, agent_id: str, key_id: str) -> dict[str, str]:
        """A proof for a key of an agent. Raises KeyError if there are no credentials of a role."""
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        domain = next((end for start, end in _DOMAINS.items() if self.region.startswith(start)), "amazonaws.com")
        binding = (self.audience, self.organization_id, self.enrolment_id, agent_id, key_id)
        request = AWSRequest(
            "GET",
            f"https://sts.{self.region}.{domain}/",
            headers={_BINDING_HEADER: " ".join(binding)},
            params={"Action": "GetCallerIdentity", "Version": "2011-06-15"},
        )
        SigV4QueryAuth(self._credentials(), "sts", self.region, expires=_VALID_SECONDS).add_auth(request)
        return {"audience": self.audience, "url": str(request.url)}

    def _credentials(self) -> Any:
        try:
            found = self.session.get_credentials()
            frozen = None if found is None else found.get_frozen_credentials()
        except Exception as error:
            raise KeyError(f"the credentials of an IAM role: {error}") from error
        if frozen is None or not frozen.token:
            got = "none" if frozen is None else "some without a session token, as those of a user"
            raise KeyError(f"expected credentials of an IAM role in the surroundings, got {got}")
        return frozen
