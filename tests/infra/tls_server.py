"""A server that speaks the beginning of MySQL's or PostgreSQL's protocol and then TLS, with a certificate made for it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "Amazon RDS ap-northeast-1 Root CA RSA2048 G1"
_AUTHORITY = ec.generate_private_key(ec.SECP256R1())


def certificate(until: datetime, address: str = "127.0.0.1") -> bytes:
    """Key and certificate of a server at this address in PEM, vouched for by `authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = _builder("karte", key, until).add_extension(names, critical=False)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.sign(_AUTHORITY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def authority(key: ec.EllipticCurvePrivateKey = _AUTHORITY, name: str = ISSUER) -> bytes:
    """The certificate of the authority in PEM; of another key and name: one that vouches for nobody here."""
    until = datetime.now(UTC) + timedelta(days=3650)
    made = _builder(name, key, until, name).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: str, key: ec.EllipticCurvePrivateKey, until: datetime, issuer: str = ISSUER
) -> x509.CertificateBuilder:
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (subject, issuer)
    )
    made = x509.CertificateBuilder().subject_name(subject_name).issuer_name(issuer_name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return made.not_valid_before(datetime.now(UTC) - timedelta(days=400)).not_valid_after(until)


@contextmanager
def serving(engine: str, until: datetime | None = None, address: str = "127.0.0.1") -> Iterator[int]:
    """A server of this engine (mysql, postgres, plain: no TLS, full: takes nobody more, silent: says nothing) while it lasts; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_bytes(certificate(until or datetime.now(UTC) + timedelta(days=365), address))
        context.load_cert_chain(file.name)
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=_serve, args=(door, engine, context), daemon=True)
        thread.start()
        try:
            yield door.getsockname()[1]
        finally:
            # Wakes the accept that the thread waits in.
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)


def _serve(door: socket.socket, engine: str, context: ssl.SSLContext) -> None:
    while True:
        try:
            line, _ = door.accept()
        except OSError:
            return
        with contextlib.suppress(OSError), line:
            _answer(line, engine, context)


def _answer(line: socket.socket, engine: str, context: ssl.SSLContext) -> None:
    if engine == "silent":
        line.recv(1)
        line.recv(1)
    elif engine == "full":
        words = b"\xff" + struct.pack("<H", 1040) + b"Too many connections"
        line.sendall(struct.pack("<I", len(words)) + words)
    elif engine == "postgres":
        line.recv(8)
        line.sendall(b"S")
        context.wrap_socket(line, server_side=True).close()
    elif engine in ("mysql", "plain"):
        flags = 0x0A00 if engine == "mysql" else 0x0200
        greeting = (
            b"\x0a8.0.39\x00" + struct.pack("<I", 7) + b"scramble\x00" + struct.pack("<H", flags) + bytes(20)
        )
        line.sendall(struct.pack("<I", len(greeting)) + greeting)
        if engine == "mysql":
            line.recv(36)
            context.wrap_socket(line, server_side=True).close()
