"""SCRAM-SHA-256 (RFC 5802, RFC 7677) for slixmpp, by the same library and with the same limits as over HTTPS.

slixmpp's own stretches the password in a Python loop, takes its nonce from a generator that is not for secrets, and
believes a ``<success/>`` that comes before the challenge. Importing this module puts ours in its place.
"""

from __future__ import annotations

from scramp import ScramClient, ScramException
from slixmpp.util.sasl.client import Mech, SASLCancelled, SASLMutualAuthFailed, sasl_mech

from dovetail.protocol.credential import MAX_ITERATIONS, MAX_SCRAM_BYTES, MECHANISM


@sasl_mech(100)
class Scram(Mech):
    """`process` is given the server's messages one by one. `is_proved`: the server knows the credential, too;
    `is_refuted`: it said what no honest one says."""

    name = MECHANISM
    use_hashes = False
    required_credentials = {"username", "password"}
    security = {"encrypted"}

    def setup(self, name: str) -> None:
        if not self.security_settings["encrypted"]:
            raise SASLCancelled("not without TLS")  # type: ignore[no-untyped-call]
        user, password = (self.credentials[part].decode() for part in ("username", "password"))
        self._client = ScramClient([MECHANISM], user, password)
        self._step = 0
        self.is_proved = self.is_refuted = False

    def process(self, challenge: bytes = b"") -> bytes:
        """Raises SASLMutualAuthFailed for whatever an honest server does not say."""
        self._step += 1
        try:
            return self._answer(challenge).encode()
        except (ScramException, ValueError) as error:
            self.is_refuted = True
            raise SASLMutualAuthFailed(type(error).__name__) from None  # type: ignore[no-untyped-call]

    def _answer(self, challenge: bytes) -> str:
        if self._step == 1:
            return str(self._client.get_client_first())
        if len(challenge) > MAX_SCRAM_BYTES:
            raise ValueError("too long")
        if self._step == 2:
            self._client.set_server_first(_modest(challenge.decode()))
            return str(self._client.get_client_final())
        self._client.set_server_final(challenge.decode())
        self.is_proved = True
        return ""


def _modest(server_first: str) -> str:
    """As it came, unless it asks for more work than any server of ours. Raises ValueError."""
    iterations = dict(part.partition("=")[::2] for part in server_first.split(","))["i"] if "i=" in server_first else ""
    if not iterations.isdigit() or int(iterations) > MAX_ITERATIONS:
        raise ValueError("too many iterations")
    return server_first
