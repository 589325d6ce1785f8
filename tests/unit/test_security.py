"""Security of producers and workers: what they know of librdkafka's properties, and what they refuse."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.protocol.security import client_options
from schemas.errors import ConfigurationError
from streams.transport.credentials import credentials

NOW = dt.datetime.now(dt.UTC)
SASL = {"sasl.username": "u", "sasl.password": "p"}
SCRAM = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", **SASL}
DIGEST = "82965258"  # of the name in the certificate, as `openssl x509 -hash` prints it
IDENTIFICATION = "ssl.endpoint.identification.algorithm"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate of a broker whose name is ``elsewhere``, which vouches for itself, and its locked key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + dt.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("elsewhere")])
    found = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    folder, lock = tmp_path_factory.mktemp("tls"), BestAvailableEncryption(b"lock")
    (folder / "server.pem").write_bytes(found.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    return folder / "server.pem", folder / "key.pem"


def auth(security: dict[str, str]) -> dict[str, object]:
    """What aiokafka's client is told; Faust tells the worker's consumer the same."""
    found = client_options(security)
    by_faust = credentials_to_aiokafka_auth(credentials(found))
    assert {name: value for name, value in by_faust.items() if value is not None} == found
    return found


async def shake_hands(server: tuple[Path, Path], context: object) -> None:
    """Connect to a broker at 127.0.0.1 that calls itself ``elsewhere``."""
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(*server, "lock")
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=own)
    async with listening:
        assert isinstance(context, ssl.SSLContext)
        port = listening.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.close()


def test_an_open_broker_needs_nothing():
    assert auth({}) == auth({"security.protocol": "plaintext"}) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
@pytest.mark.parametrize("protocol", ["SASL_SSL", "sasl_plaintext"])
def test_a_login_is_passed_on_by_either_name_of_its_mechanism(name: str, protocol: str):
    found = auth({"security.protocol": protocol, name: "SCRAM-SHA-256", **SASL})
    assert (found["security_protocol"], found["sasl_mechanism"]) == (protocol.upper(), "SCRAM-SHA-256")
    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == ("u", "p")
    assert isinstance(found.get("ssl_context"), ssl.SSLContext) == (protocol == "SASL_SSL")


@pytest.mark.parametrize("way", ["file", "folder", "text"])
async def test_a_broker_is_believed_whose_authority_is_known(
    server: tuple[Path, Path], tmp_path: Path, way: str
):
    text = server[0].read_text()
    (tmp_path / f"{DIGEST}.0").write_text(text)
    security = {
        "file": {"ssl.ca.location": str(server[0])},
        "folder": {"ssl.ca.location": str(tmp_path)},
        "text": {"ssl.ca.pem": text},
    }[way]
    await shake_hands(server, auth({**SCRAM, **security, IDENTIFICATION: "none"})["ssl_context"])


async def test_a_broker_of_another_name_or_authority_is_refused(server: tuple[Path, Path]):
    known = {"security.protocol": "ssl", "ssl.ca.pem": server[0].read_text()}
    for security in (known, {**known, IDENTIFICATION: "https"}):
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            await shake_hands(server, auth(security)["ssl_context"])
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        await shake_hands(server, auth({**SCRAM, IDENTIFICATION: "none"})["ssl_context"])


def test_a_certificate_of_the_client_is_taken_with_its_key(server: tuple[Path, Path]):
    certificate, key = map(str, server)
    own = {"ssl.certificate.location": certificate, "ssl.key.location": key, "ssl.key.password": "lock"}
    assert auth({"security.protocol": "SSL", **own})["security_protocol"] == "SSL"
    with pytest.raises(ConfigurationError, match="certificates for kafka must be readable"):
        client_options({"security.protocol": "SSL", **own, "ssl.key.password": "other"})
    del own["ssl.key.password"]
    with pytest.raises(ConfigurationError, match="certificates for kafka must be readable"):
        client_options({"security.protocol": "SSL", **own})


@pytest.mark.parametrize(
    ("security", "text"),
    [
        ({"enable.ssl.certificate.verification": "false"}, "ssl.ca.pem.*was 'enable.ssl.cert"),
        ({**SCRAM, "ssl.crl.location": "x", "ssl.cipher.suites": "y"}, "'ssl.cipher.*, ssl.crl.location'"),
        ({"security.protocol": "tls"}, "security.protocol .* must be .*SASL_SSL.*, was 'TLS'"),
        ({"security.protocol": "SASL_SSL", **SASL}, "sasl.mechanism .* must be PLAIN or .*, was 'GSSAPI'"),
        ({**SCRAM, "sasl.mechanism": "OAUTHBEARER"}, "sasl.mechanism .*, was 'OAUTHBEARER'"),
        ({**SCRAM, "sasl.mechanisms": "PLAIN"}, "sasl.mechanism .* must be .*, was 'PLAIN, SCRAM-SHA-512'"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, "sasl.username and sasl.password"),
        ({**SCRAM, IDENTIFICATION: "maybe"}, f"{IDENTIFICATION} .* must be https or none.*, was 'maybe'"),
        ({**SCRAM, "ssl.ca.location": "/nowhere"}, r"was .*No such file.* \(ssl.ca.location\)"),
        ({**SCRAM, "ssl.ca.pem": "no certificate"}, "certificates for kafka must be readable"),
        ({**SCRAM, "ssl.key.location": "key.pem"}, "must come with ssl.certificate.location, was 'key.pem'"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_name(security: dict[str, str], text: str):
    with pytest.raises(ConfigurationError, match=text):
        client_options(security)


@pytest.mark.parametrize(
    "setting",
    [{"sasl.mechanisms": "NONE"}, {"sasl.no.such": "x"}, {"ssl.ca.location": "/nowhere"}],
)
def test_a_producer_says_at_once_that_a_setting_is_wrong(setting: dict[str, str]):
    with pytest.raises(ConfigurationError, match="must"):
        Producer(KafkaSettings("127.0.0.1:1", {**SCRAM, **setting}), "test")


def test_a_producer_takes_settings_for_a_login_over_an_encrypted_connection():
    producer = Producer(KafkaSettings("127.0.0.1:1", SCRAM), "test")
    producer.close(0.1)
    assert not producer._background._thread.is_alive()
