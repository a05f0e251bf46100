"""What an account has: its workspace, environment, rates, secrets; and images, which are only named."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.plane.names import Names

BUILDER_VERSION = "2025.06"
#: USD per GPU-hour, a core-hour and a GiB-hour; unlike the package's own table on purpose.
RATES = {"gpu_t4": "0.60", "gpu_a100_40gb": "2.10", "gpu_h100": "4.00", "cpu": "0.0473", "memory": "0.0080"}


class Account:
    """Answers what is asked about the account, and keeps its secrets."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.rates = dict(RATES)
        self.secrets: dict[str, dict[str, str]] = {}
        self._secret_names: dict[str, str] = {}
        self.images: dict[str, pb.Image] = {}

    def variables(self, secret_ids: Any) -> dict[str, str]:
        """Returns the environment variables that the secrets put into a container."""
        return {key: value for secret in secret_ids for key, value in self.secrets[secret].items()}

    def add_secret(self, name: str, variables: dict[str, str]) -> str:
        """Adds a named secret, as a person does in the service's pages, and returns its id."""
        secret_id = self.names.new("st")
        self.secrets[secret_id] = dict(variables)
        self._secret_names[name] = secret_id
        return secret_id

    async def ClientHello(self, request: Empty, _: Any) -> pb.ClientHelloResponse:
        return pb.ClientHelloResponse(image_builder_version=BUILDER_VERSION)

    async def AuthTokenGet(self, request: pb.AuthTokenGetRequest, _: Any) -> pb.AuthTokenGetResponse:
        claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).decode()
        return pb.AuthTokenGetResponse(token=f"x.{claims.rstrip('=')}.x")

    async def EnvironmentGetOrCreate(
        self, request: pb.EnvironmentGetOrCreateRequest, _: Any
    ) -> pb.EnvironmentGetOrCreateResponse:
        settings = pb.EnvironmentSettings(image_builder_version=BUILDER_VERSION, webhook_suffix="")
        metadata = pb.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return pb.EnvironmentGetOrCreateResponse(environment_id="en-loopback", metadata=metadata)

    async def WorkspaceNameLookup(self, request: Empty, _: Any) -> pb.WorkspaceNameLookupResponse:
        return pb.WorkspaceNameLookupResponse(workspace_name="loopback", username="loopback")

    async def WorkspaceBillingRates(
        self, request: pb.WorkspaceBillingRatesRequest, _: Any
    ) -> pb.WorkspaceBillingRatesResponse:
        lines = "\n".join(f"{name}: ${rate} per hour" for name, rate in self.rates.items())
        return pb.WorkspaceBillingRatesResponse(rates=self.rates, formatted=lines)

    async def SecretGetOrCreate(
        self, request: pb.SecretGetOrCreateRequest, _: Any
    ) -> pb.SecretGetOrCreateResponse:
        name = request.deployment_name
        if name and name in self._secret_names:
            return pb.SecretGetOrCreateResponse(secret_id=self._secret_names[name])
        if name and request.object_creation_type == pb.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise GRPCError(Status.NOT_FOUND, f"Secret '{name}' not found in environment 'main'")
        return pb.SecretGetOrCreateResponse(secret_id=self.add_secret(name, dict(request.env_dict)))

    async def ImageGetOrCreate(
        self, request: pb.ImageGetOrCreateRequest, _: Any
    ) -> pb.ImageGetOrCreateResponse:
        image_id = self.names.new("im")
        self.images[image_id] = request.image
        return pb.ImageGetOrCreateResponse(image_id=image_id)

    async def ImageJoinStreaming(
        self, request: pb.ImageJoinStreamingRequest, _: Any
    ) -> AsyncIterator[pb.ImageJoinStreamingResponse]:
        metadata = pb.ImageMetadata(
            image_builder_version=BUILDER_VERSION, python_version_info="Python 3.11.0"
        )
        result = pb.GenericResult(status=pb.GenericResult.GENERIC_STATUS_SUCCESS)
        yield pb.ImageJoinStreamingResponse(result=result, metadata=metadata, eof=True)
