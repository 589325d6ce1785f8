"""What the worker's clients log in with, as Faust wants it told."""

from collections.abc import Mapping
from typing import Any

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol


def credentials(options: Mapping[str, Any]) -> SASLCredentials | SSLCredentials | None:
    """The same security, None for an open broker.

    Args:
        options: of aiokafka's client, as ``runtime.protocol.security`` gives them.
    """
    protocol, context = options["security_protocol"], options.get("ssl_context")
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return SSLCredentials(context)
    found = SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=context,
        mechanism=options["sasl_mechanism"],
    )
    found.protocol = AuthProtocol(protocol)
    return found
