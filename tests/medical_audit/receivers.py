"""A receiver of syslog over TLS in a thread, and the certificates for it: real sockets, real TLS, as bad as a test wants it."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from medical_audit.domain.streams import Destination


class Authority:
    """A certificate authority of a test; its files lie in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self.file = folder / f"{name}.pem"
        certificate = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(_pem(certificate.sign(self._key, hashes.SHA256())))

    def issue(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) for a host or a client of this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_named(name), self._name, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        files = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        files[0].write_bytes(_pem(certificate.sign(self._key, hashes.SHA256())))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class Receiver:
    """Listens on localhost. `drop_after`: closes in the middle of a batch once it has read so many bytes; `answers`: its closing
    alert; `reads`: False takes nothing at all."""

    certificate: tuple[Path, Path]
    clients: Path | None = None
    drop_after: int | None = None
    answers: bool = True
    reads: bool = True
    kept: list[bytes] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        if self.clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.clients)
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            self.port = listener.getsockname()[1]
            stopping = threading.Event()
            thread = threading.Thread(target=self._serve, args=[listener, context, stopping], daemon=True)
            thread.start()
            try:
                yield self
            finally:
                stopping.set()
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                thread.join(5)

    def to(self, ca: Path, name: str = "siem", **more: object) -> Destination:
        """How to reach it by its right name, trusting this authority."""
        given: dict[str, object] = {
            "tenants": None, "certificate_file": "", "key_file": "", "closing": "answered", "host": "localhost",
        } | more  # fmt: skip
        return Destination(name=name, port=self.port, ca_file=str(ca), **given)  # type: ignore[arg-type]

    @property
    def messages(self) -> list[bytes]:
        """What arrived whole, by the lengths that the frames name."""
        found: list[bytes] = []
        for left in self.kept:
            rest = left
            while rest:
                length, space, rest = rest.partition(b" ")
                if not space or len(rest) < int(length):
                    break
                found.append(rest[: int(length)])
                rest = rest[int(length) :]
        return found

    def _serve(self, listener: socket.socket, context: ssl.SSLContext, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, suppress(OSError):
                plain.settimeout(5)
                with context.wrap_socket(plain, server_side=True) as secure:
                    self._take(secure, stopping)

    def _take(self, secure: ssl.SSLSocket, stopping: threading.Event) -> None:
        if not self.reads:
            stopping.wait(5)
            return
        self.kept.append(b"")
        while self.drop_after is None or len(self.kept[-1]) < self.drop_after:
            piece = secure.recv(1024 if self.drop_after else 65_536)
            if not piece:
                if self.answers:
                    secure.unwrap()
                return
            self.kept[-1] += piece
