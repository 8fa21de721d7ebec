"""A real time-stamp authority: OpenSSL's, behind HTTP on this machine (RFC 3161 section 3.4)."""

import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[tsa]
default_tsa = stamps
[stamps]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""
EXTENSIONS = (
    "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
)


def _openssl(*words: str, folder: Path) -> None:
    subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)


@dataclass
class Authority:
    """`broken`: answers nonsense. `asked` counts the questions."""

    folder: Path
    url: str = ""
    broken: bool = False
    asked: int = field(default=0, init=False)
    _server: ThreadingHTTPServer | None = None

    @property
    def roots(self) -> Path:
        return self.folder / "root.pem"

    def open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._certificates()
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                authority.asked += 1
                answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, question: bytes) -> bytes:
        if self.broken:
            return b"try again later"
        (self.folder / "q.tsq").write_bytes(question)
        _openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "r.tsr", folder=self.folder
        )
        return (self.folder / "r.tsr").read_bytes()

    def _certificates(self) -> None:
        folder = self.folder
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        (folder / "extensions").write_text(EXTENSIONS)
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        root = ("-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", "/CN=Test root")
        _openssl("req", "-x509", *curve, *root, folder=folder)
        _openssl(
            "req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test stamps", folder=folder
        )
        signed = (
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-days",
            "20",
            "-out",
            "tsa.pem",
        )
        _openssl("x509", "-req", "-in", "tsa.csr", *signed, "-extfile", "extensions", folder=folder)
