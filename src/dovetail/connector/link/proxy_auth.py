"""How to answer a proxy's 407: Negotiate (RFC 4559), NTLM (MS-NTHT), Digest (RFC 7616) and Basic (RFC 7617).

Negotiate and NTLM by pyspnego: on Windows through SSPI as the user who is signed in, elsewhere with the Kerberos ticket
at hand or the credential entered. The strongest scheme offered is taken once and never given up for a weaker one; Basic
only with a credential that was entered for this very proxy. Digest is the standard library's: MD5 and SHA.
"""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.request import AbstractDigestAuthHandler, HTTPPasswordMgrWithDefaultRealm, parse_http_list, parse_keqv_list

from dovetail.connector.link.routes import Proxy, ProxyCredential
from dovetail.connector.link.verdicts import EgressError, Phase, Verdict

if TYPE_CHECKING:
    from spnego import ContextProxy

SINGLE_SIGN_ON = ("negotiate", "ntlm")
_STRONGEST_FIRST = ("negotiate", "ntlm", "digest", "basic")
_KERBEROS_FINAL = re.compile(r"1765328360|1765328366|1765328347|pre-?auth|revoked|password has expired", re.IGNORECASE)


class Scheme(Protocol):
    """One handshake."""

    def answer(self, challenge: str) -> str | None:
        """The value of Proxy-Authorization for a challenge's parameters; None when they say no. Raises EgressError."""
        ...


class RefusedByDirectory(EgressError):
    """The directory, not the proxy, turned the credential down: it counts as a wrong try, and as the last one."""


def choose(offered: Sequence[str], proxy: Proxy, credential: ProxyCredential | None, target: str) -> tuple[str, Scheme]:
    """The scheme's name and its handshake, for CONNECT to `target`. Raises EgressError (proxy_auth_required).

    `offered` are the values of Proxy-Authenticate.
    """
    names = {value.partition(" ")[0].lower() for value in offered}
    for name in _STRONGEST_FIRST:
        if name not in names or (credential is None and not _signs_on_alone(name)):
            continue
        match name:
            case "negotiate" | "ntlm":
                return name, _Spnego(name, proxy, credential)
            case "digest" if credential:
                return name, _Digest(credential, target)
            case _ if credential:
                return name, _Basic(credential)
    known = ", ".join(sorted(names)) or "nothing it names"
    raise EgressError(Verdict.PROXY_AUTH_REQUIRED, Phase.PROXY, f"it offers {known}", proxy=proxy.name)


def challenge_of(name: str, offered: Sequence[str]) -> str | None:
    """The parameters that one scheme was challenged with, if it was."""
    for value in offered:
        scheme, _, parameters = value.partition(" ")
        if scheme.lower() == name:
            return parameters.strip()
    return None


def _signs_on_alone(name: str) -> bool:
    """Whether the system can answer for the signed-in user: SSPI both, elsewhere a Kerberos ticket."""
    return name in SINGLE_SIGN_ON if sys.platform == "win32" else name == "negotiate"


class _Basic:
    def __init__(self, credential: ProxyCredential) -> None:
        self._pair = f"{credential.user}:{credential.password}".encode()
        self._said = False

    def answer(self, challenge: str) -> str | None:
        if self._said:
            return None
        self._said = True
        return f"Basic {base64.b64encode(self._pair).decode()}"


class _Connect:
    """What the standard library wants to know of a request, for CONNECT (RFC 9110 section 9.3.6)."""

    data = None

    def __init__(self, target: str) -> None:
        self.selector = self.full_url = target

    def get_method(self) -> str:
        return "CONNECT"


class _Digest:
    def __init__(self, credential: ProxyCredential, target: str) -> None:
        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, target, credential.user, credential.password)
        self._handler = AbstractDigestAuthHandler(passwords)
        self._request = _Connect(target)
        self._said = False

    def answer(self, challenge: str) -> str | None:
        said = parse_keqv_list(parse_http_list(challenge))
        if self._said and said.get("stale", "").lower() != "true":
            return None
        self._said = True
        try:
            value = self._handler.get_authorization(self._request, said)  # type: ignore[arg-type]
        except (ValueError, OSError) as error:
            raise EgressError(Verdict.PROXY_UNSUPPORTED, Phase.PROXY, str(error)) from None
        return f"Digest {value}" if value else None


class _Spnego:
    def __init__(self, name: str, proxy: Proxy, credential: ProxyCredential | None) -> None:
        self._word = "Negotiate" if name == "negotiate" else "NTLM"
        self._proxy = proxy
        self._alone = credential is None
        # Not pyspnego's "negotiate" with a password: it falls back to NTLM when Kerberos fails, which hides why and
        # can cost a second wrong try. A name without a realm is a Windows account, and there SSPI decides.
        protocol = "ntlm" if name == "ntlm" else "negotiate" if self._alone or sys.platform == "win32" else "kerberos"
        self._context = self._open(credential, protocol)
        self._begun = False

    def _open(self, credential: ProxyCredential | None, protocol: str) -> ContextProxy:
        import spnego

        user, password = (credential.user, credential.password) if credential else (None, None)
        try:
            return spnego.client(user, password, hostname=self._proxy.host, service="HTTP", protocol=protocol)
        except Exception as error:  # the libraries below pyspnego let errors of their own out
            raise self._failure(error) from error

    def answer(self, challenge: str) -> str | None:
        if self._begun and not challenge:
            return None
        self._begun = True
        try:
            token = self._context.step(base64.b64decode(challenge, validate=True) if challenge else None)
        except binascii.Error as error:
            raise EgressError(Verdict.NOT_A_PROXY, Phase.PROXY, "a broken token", proxy=self._proxy.name) from error
        except Exception as error:  # as above
            raise self._failure(error) from error
        return f"{self._word} {base64.b64encode(token).decode()}" if token else None

    def _failure(self, error: Exception) -> EgressError:
        text = str(error)
        if not self._alone and _KERBEROS_FINAL.search(text):
            return RefusedByDirectory(
                Verdict.PROXY_CREDENTIALS_REJECTED, Phase.PROXY, "the directory refuses it", proxy=self._proxy.name
            )
        detail = "no Kerberos ticket for it can be had"
        return EgressError(Verdict.PROXY_TICKET_MISSING, Phase.PROXY, detail, proxy=self._proxy.name)
