"""Self-signed certificates for simulated clusters, as `gnt-cluster init` makes them."""

import datetime
import hashlib
import ipaddress
import os
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The same for all certificates: what differs between two of them is the key.
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


def make(name: str) -> bytes:
    """A new key and its self-signed certificate, in PEM; valid for `name`, localhost and the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName("localhost"), loopback]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def kept(path: Path, name: str) -> bytes:
    """The key and certificate in that file; made and written there, for its owner's eyes only, when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        made = make(name)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)
    return made


def public_part(pem: bytes) -> str:
    """The certificate alone, for those who shall trust it."""
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(pem: bytes) -> str:
    """The SHA-256 fingerprint, "AA:BB:..."."""
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).digest().hex(":").upper()


def server_context(pem: bytes) -> ssl.SSLContext:
    """A server's TLS context with this key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # connections are never resumed; a ticket sent to one who left would reset the answer
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # OpenSSL reads files only
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
