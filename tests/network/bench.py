"""One corporate network on loopback: the real server, its recorder, every kind of proxy, and the ways through them."""

from __future__ import annotations

import os
import pwd
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from cli.server import Served, serving
from dovetail.connector.link.routes import ProxyCredential
from network import kerberos, ntlm, squid
from network.processes import Daemon, as_nobody, free_port, require, running
from network.recorder import Recorder

NAME = "book.lab.test"
"""The server's name, which only the proxies can look up."""
DIRECT_ADDRESS = "127.0.0.1"


@dataclass
class Way:
    """`proxy` as for ``--proxy``; `daemon` stands in it. `right` and `wrong` are for the proxy, where it asks."""

    name: str
    proxy: str
    daemon: Daemon | None = None
    proxy_name: str = ""
    host: str = NAME
    right: ProxyCredential | None = None
    wrong: ProxyCredential | None = None
    tries_seen: Callable[[], int] | None = None
    """Wrong credentials that reached the proxy or the directory so far, where those can be asked."""
    environ: dict[str, str] = field(default_factory=dict)
    own_ca: bool = True
    """The server's CA is named by --ca-file; if not, the system trusts the company's."""
    inspected: str = "no"
    """What the sighting says of TLS; some boxes leave no trace but their own CA."""
    swallows_xmpp: bool = False
    """Opens TLS, and lets nothing through that is no HTTP."""
    closes_xmpp: bool = False
    """Its rules let HTTPS through and no more."""


class Bench:
    """`recorder` stands in front of HTTPS, `starttls` and `direct_tls` of the ports for XMPP; `ca_file` vouches for
    them, and for the server itself."""

    def __init__(
        self,
        served: Served,
        recorder: Recorder,
        starttls: Recorder,
        direct_tls: Recorder,
        ways: dict[str, Way],
        ca_file: Path,
    ) -> None:
        self.served = served
        self.recorder = recorder
        self.starttls = starttls
        self.direct_tls = direct_tls
        self.ways = ways
        self.ca_file = ca_file

    @property
    def recorders(self) -> tuple[Recorder, ...]:
        return self.recorder, self.starttls, self.direct_tls


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """Everything up, in a folder that the proxies' user may read."""
    folder.chmod(0o755)
    for name in ("conf", "logs", "run"):
        (folder / name).mkdir()
        if os.getuid() == 0:
            os.chown(folder / name, _user().pw_uid, _user().pw_gid)
    (folder / "conf/hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
    authority, inspector = trustme.CA(), trustme.CA(organization_name="Corp Inspection")
    ca_file = folder / "conf/authority.pem"
    (folder / "conf/inspect.pem").write_bytes(inspector.private_key_pem.bytes() + inspector.cert_pem.bytes())
    proxys = authority.issue_cert("localhost")
    (folder / "conf/proxy.pem").write_bytes(
        proxys.private_key_pem.bytes() + b"".join(each.bytes() for each in proxys.cert_chain_pems)
    )
    system = folder / "conf/system.pem"
    system.write_bytes(authority.cert_pem.bytes() + inspector.cert_pem.bytes())
    with ExitStack() as stack:
        xmpp_ports = free_port(), free_port()
        served = stack.enter_context(serving(folder / "server", (NAME, "localhost"), xmpp_ports))
        ca_file.write_bytes(authority.cert_pem.bytes() + served.ca_file.read_bytes())
        trust = ssl.create_default_context(cafile=str(served.ca_file))
        certificate = authority.issue_cert(NAME, "localhost", common_name=NAME)
        ports = (served.port, certificate), (xmpp_ports[0], None), (xmpp_ports[1], certificate)
        recorders = [stack.enter_context(Recorder(port, trust, shown)) for port, shown in ports]
        xmpp = [recorder.port for recorder in recorders[1:]]
        ways = {way.name: way for way in _ways(folder, stack, system, xmpp)}
        stack.callback(lambda: [way.daemon.ask_to_end() for way in ways.values() if way.daemon])  # all at once
        yield Bench(served, *recorders, ways, ca_file)


def _user() -> pwd.struct_passwd:
    """Whose processes the proxies are."""
    return pwd.getpwnam("proxy") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def _ways(folder: Path, stack: ExitStack, system: Path, xmpp: list[int]) -> Iterator[Way]:
    squids = squid.Squids(folder)
    stack.callback(squids.clear_shared_memory)

    def up(daemon: Daemon) -> Daemon:
        return stack.enter_context(running(daemon))

    def asked(name: str) -> int:
        """Refused connections that carried a credential: Squid logs the name of those only."""
        lines = squids.access_log(name).splitlines()
        return sum("TCP_DENIED/407" in line and " - HIER_NONE" not in line for line in lines)

    yield Way("direct", "none", host="localhost")
    plain = up(squids.open())
    yield Way("CONNECT", f"http://localhost:{plain.port}", plain)
    right, wrong = ProxyCredential(squid.USER, squid.PASSWORD), ProxyCredential(squid.USER, "guess")
    basic = up(squids.basic())
    yield _named(Way("CONNECT+Basic", "", basic, right=right, wrong=wrong, tries_seen=partial(asked, "basic")))
    secure = up(squids.basic(over_tls=True))
    yield _named(
        Way("CONNECT over TLS+Basic", "", secure, right=right, wrong=wrong, tries_seen=partial(asked, "secure")),
        "https",
    )
    digest = up(squids.digest())
    plain_right = ProxyCredential(squid.USER, "plain-1")
    yield _named(Way("CONNECT+Digest", "", digest, right=plain_right, wrong=wrong, tries_seen=partial(asked, "digest")))
    corp = stack.enter_context(ntlm.directory(folder / "conf"))
    right, wrong = ProxyCredential(ntlm.USER, ntlm.PASSWORD), ProxyCredential(ntlm.USER, "guess")
    daemon = up(squids.ntlm(corp.program))
    yield _named(Way("CONNECT+NTLM", "", daemon, right=right, wrong=wrong, tries_seen=lambda: corp.wrong))
    yield from _negotiate(folder, squids, up)
    yield _socks(folder, up)
    yield _dante(folder, xmpp, up)
    pac = stack.enter_context(_pac_file(f"PROXY localhost:{plain.port}"))
    yield Way("PAC→CONNECT", f"pac:{pac}", plain)
    bump = up(squids.inspecting())
    trusted = {"SSL_CERT_FILE": str(system), "SSL_CERT_DIR": "/nonexistent"}
    address = f"http://localhost:{bump.port}"
    yield Way("inspected", address, bump, environ=trusted, own_ca=False, inspected="yes", swallows_xmpp=True)
    yield _mitmproxy(folder, up, trusted)


def _named(way: Way, scheme: str = "http") -> Way:
    assert way.daemon is not None
    way.proxy_name = f"localhost:{way.daemon.port}"
    way.proxy = f"{scheme}://{way.proxy_name}"
    return way


def _negotiate(folder: Path, squids: squid.Squids, up: Callable[[Daemon], Daemon]) -> Iterator[Way]:
    try:
        import gssapi  # noqa: F401
        import krb5  # noqa: F401
    except ImportError:
        return
    (folder / "krb").mkdir()
    realm = kerberos.Realm(folder / "krb")
    up(realm.kdc)
    daemon = up(squids.negotiate(realm.keytab, kerberos.SERVICE, realm.config))
    right = ProxyCredential(kerberos.ALICE, kerberos.ALICES_PASSWORD)
    wrong = ProxyCredential(kerberos.ALICE, "guess")
    ticket = realm.sign_in()
    password_only = {**ticket, "KRB5CCNAME": f"FILE:{folder}/krb/none"}
    yield _named(Way("CONNECT+Negotiate", "", daemon, environ=ticket))
    yield _named(
        Way(
            "CONNECT+Negotiate, password",
            "",
            daemon,
            right=right,
            wrong=wrong,
            tries_seen=realm.failed_attempts,
            environ=password_only,
        )
    )


def _socks(folder: Path, up: Callable[[Daemon], Daemon]) -> Way:
    port = free_port()
    command = [require("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-b", squid.OUTGOING]
    names = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(folder / "conf/hosts")}
    secret = ProxyCredential("alice", "Secret-1")
    daemon = up(
        Daemon([*as_nobody(), *command, "-u", secret.user, "-P", secret.password], port, folder, "socks", names)
    )
    wrong = ProxyCredential("alice", "guess")
    address = f"localhost:{port}"
    return Way("SOCKS5", f"socks5://{address}", daemon, address, right=secret, wrong=wrong)


def _mitmproxy(folder: Path, up: Callable[[Daemon], Daemon], trusted: dict[str, str]) -> Way:
    """Opens TLS as well, with the same CA, and understands XMPP and WebSocket inside it."""
    (folder / "run/mitm").mkdir(mode=0o755)
    if os.getuid() == 0:
        os.chown(folder / "run/mitm", _user().pw_uid, _user().pw_gid)
    (folder / "run/mitm/mitmproxy-ca.pem").write_bytes((folder / "conf/inspect.pem").read_bytes())
    port = free_port()
    names = {
        "LD_PRELOAD": "libnss_wrapper.so",
        "NSS_WRAPPER_HOSTS": str(folder / "conf/hosts"),
        "HOME": f"{folder}/run",
    }
    options = [f"confdir={folder}/run/mitm", f"connect_addr={squid.OUTGOING}", "connection_strategy=lazy"]
    options.append(f"ssl_verify_upstream_trusted_ca={folder}/conf/authority.pem")
    command = [*as_nobody(), require("mitmdump"), "-q", "--listen-host", "127.0.0.1", "-p", str(port)]
    command += [word for option in options for word in ("--set", option)]
    daemon = up(Daemon(command, port, folder, "logs/mitmdump.out", names))
    return Way("inspected by mitmproxy", f"http://localhost:{port}", daemon, environ=trusted, inspected="possible")


def _dante(folder: Path, closed: list[int], up: Callable[[Daemon], Daemon]) -> Way:
    """SOCKS5 without a password, whose rules let nothing through to the ports for XMPP."""
    port = free_port()
    (folder / "conf/danted.conf").write_text(
        f"logoutput: {folder}/logs/danted.log\ninternal: 127.0.0.1 port = {port}\nexternal: {squid.OUTGOING}\n"
        f"socksmethod: none\nclientmethod: none\nuser.unprivileged: {_user().pw_name}\n"
        "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }\n"
        + "".join(f"socks block {{ from: 127.0.0.0/8 to: 0.0.0.0/0 port = {number} }}\n" for number in closed)
        + "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 command: connect }\n"
    )
    names = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(folder / "conf/hosts")}
    command = [
        *as_nobody(),
        require("danted"),
        "-f",
        str(folder / "conf/danted.conf"),
        "-p",
        str(folder / "run/danted"),
    ]
    daemon = up(Daemon(command, port, folder, "logs/danted.out", names))
    return Way("SOCKS5, 443 only", f"socks5://localhost:{port}", daemon, closes_xmpp=True)


@contextmanager
def _pac_file(answer: str) -> Iterator[str]:
    """A PAC file over HTTP, which sends the server's name through a proxy and nothing else."""
    script = (
        "function FindProxyForURL(url, host) {"
        f' if (shExpMatch(host, "*.lab.test")) return "PROXY localhost:1; {answer}"; return "DIRECT"; }}'
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ns-proxy-autoconfig")
            self.send_header("Content-Length", str(len(script)))
            self.end_headers()
            self.wfile.write(script.encode())

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/proxy.pac"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
