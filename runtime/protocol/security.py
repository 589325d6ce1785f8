"""Security of clients that speak Kafka's protocol themselves: librdkafka's properties as aiokafka wants them.

What has no counterpart here is refused by name: a producer that passed over it would connect otherwise,
perhaps less securely, than a reader does.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schemas.errors import ConfigurationError

_KNOWN: Final = (
    "sasl.mechanism", "sasl.mechanisms", "sasl.password", "sasl.username", "security.protocol",
    "ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.endpoint.identification.algorithm",
    "ssl.key.location", "ssl.key.password",
)  # fmt: skip
_PROTOCOLS: Final = "SSL", "PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL"
_MECHANISMS: Final = "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"
_DEFAULT_MECHANISM: Final = "GSSAPI"  # librdkafka's
_IDENTIFICATION: Final = "ssl.endpoint.identification.algorithm"  # of the broker's name with its certificate
_PROBE: Final = "probe"  # as if no place were said


Options = dict[str, Any]


def client_options(security: Mapping[str, str]) -> Options:
    """The same security as options of aiokafka's client.

    Args:
        security: librdkafka properties for authentication and encryption.

    Raises:
        ConfigurationError: no such property is known or not this value of it, or a file is not right.
    """
    if unknown := sorted(set(security) - set(_KNOWN)):
        raise ConfigurationError(
            f"security of producers must be by {', '.join(_KNOWN)}, was {', '.join(unknown)!r}"
        )
    said = security.get("security.protocol", "plaintext").upper()
    protocol = _one_of(_PROTOCOLS, "security.protocol", said)
    found: Options = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        found["ssl_context"] = _context(security)
    return {**found, **_sasl(security)} if protocol.startswith("SASL") else found


def _sasl(security: Mapping[str, str]) -> Options:
    said = {security[name] for name in ("sasl.mechanism", "sasl.mechanisms") if name in security}
    mechanism = _one_of(_MECHANISMS, "sasl.mechanism", ", ".join(sorted(said)) or _DEFAULT_MECHANISM)
    username, password = security.get("sasl.username"), security.get("sasl.password")
    if not username or password is None:
        raise ConfigurationError(f"sasl.username and sasl.password must be there for {mechanism}, were not")
    return {
        "sasl_mechanism": mechanism, "sasl_plain_username": username, "sasl_plain_password": password,
    }  # fmt: skip


def _context(security: Mapping[str, str]) -> ssl.SSLContext:
    place = security.get("ssl.ca.location", _PROBE)
    is_folder = Path(place).is_dir()
    file, folder = None if is_folder or place == _PROBE else place, place if is_folder else None
    certificate, key = (security.get(f"ssl.{name}.location") for name in ("certificate", "key"))
    if key and not certificate:
        raise ConfigurationError(f"ssl.key.location must come with ssl.certificate.location, was {key!r}")
    try:
        context = ssl.create_default_context(cafile=file, capath=folder, cadata=security.get("ssl.ca.pem"))
        if certificate:  # without a password Python would ask for it at the terminal
            context.load_cert_chain(certificate, key, security.get("ssl.key.password", ""))
    except (OSError, TypeError, ValueError) as error:
        where = ", ".join(sorted(name for name in security if name.startswith("ssl.")))
        raise ConfigurationError(
            f"certificates for kafka must be readable, was {str(error)!r} ({where})"
        ) from error
    checked = security.get(_IDENTIFICATION, "https").lower()
    context.check_hostname = _one_of(("https", "none"), _IDENTIFICATION, checked) == "https"
    return context


def _one_of(known: tuple[str, ...], name: str, value: str) -> str:
    if value not in known:
        raise ConfigurationError(f"{name} of producers must be {' or '.join(known)}, was {value!r}")
    return value
