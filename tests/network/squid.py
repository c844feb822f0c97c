"""Real squids, as companies run them: open, with Basic, Digest, NTLM or Kerberos, and one that opens TLS."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from network.processes import Daemon, as_nobody, free_port, require

HELPERS = Path("/usr/lib/squid")
OUTGOING = "127.0.0.2"
"""The address that the proxies connect from: what the server sees tells who came."""
USER, PASSWORD = "alice", "Secret-1: ä"

_COMMON = """
visible_hostname proxy.lab.test
pid_filename none
cache_log logs/{name}-cache.log
access_log stdio:logs/{name}-access.log
logfile_rotate 0
coredump_dir ./
cache deny all
cache_mem 8 MB
memory_pools off
pinger_enable off
netdb_filename none
icp_port 0
htcp_port 0
snmp_port 0
shutdown_lifetime 0 seconds
hosts_file conf/hosts
dns_nameservers 127.0.0.1
max_filedescriptors 1024
buffered_logs off
tcp_outgoing_address {outgoing}
acl CONNECT method CONNECT
"""
_OPEN = "http_port 127.0.0.1:{port}\nhttp_access allow all\n"
_SIGN_IN = """
{door}
auth_param {scheme} program {program}
auth_param {scheme} children 2 startup=1 idle=1
{more}
acl authed proxy_auth REQUIRED
http_access deny !authed
http_access allow authed
http_access deny all
"""
_PLAIN = "http_port 127.0.0.1:{port}"
_OVER_TLS = "https_port 127.0.0.1:{port} tls-cert=conf/proxy.pem"
_BUMP = """
http_port 127.0.0.1:{port} ssl-bump tls-cert=conf/inspect.pem generate-host-certificates=on
sslcrtd_program {helpers}/security_file_certgen -s run/ssl_db -M 4MB
sslcrtd_children 2 startup=1 idle=1
tls_outgoing_options cafile=conf/authority.pem
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
http_access allow all
"""


class Squids:
    """Makes configurations in `folder`, whose ``conf/hosts``, ``conf/inspect.pem`` and so on are the bench's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._program = require("squid")
        if not (HELPERS / "security_file_certgen").exists():
            require("squid-openssl")

    def open(self) -> Daemon:
        return self._squid("open", _OPEN)

    def basic(self, over_tls: bool = False) -> Daemon:
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=PASSWORD + "\n", capture_output=True, text=True, check=True
        ).stdout.strip()
        (self.folder / "conf/users").write_text(f"{USER}:{hashed}\n")
        program = f"{HELPERS}/basic_ncsa_auth conf/users"
        name, door = ("secure", _OVER_TLS) if over_tls else ("basic", _PLAIN)
        return self._sign_in("basic", program, "auth_param basic realm Lab\n", name=name, door=door)

    def digest(self) -> Daemon:
        (self.folder / "conf/digest").write_text(f"{USER}:plain-1\n")
        return self._sign_in("digest", f"{HELPERS}/digest_file_auth conf/digest", "auth_param digest realm Lab\n")

    def ntlm(self, program: str) -> Daemon:
        return self._sign_in("ntlm", program, "auth_param ntlm keep_alive on\n")

    def negotiate(self, keytab: Path, principal: str, krb5_config: Path) -> Daemon:
        program = f"{HELPERS}/negotiate_kerberos_auth -k {keytab} -s {principal} -t none"
        return self._sign_in(
            "negotiate", program, "auth_param negotiate keep_alive on\n", {"KRB5_CONFIG": str(krb5_config)}
        )

    def inspecting(self) -> Daemon:
        database = self.folder / "run/ssl_db"
        if not database.exists():
            command = [*as_nobody(), str(HELPERS / "security_file_certgen"), "-c", "-s", str(database), "-M", "4MB"]
            subprocess.run(command, check=True, capture_output=True)
        return self._squid("inspecting", _BUMP.replace("{helpers}", str(HELPERS)))

    def _sign_in(
        self,
        scheme: str,
        program: str,
        more: str,
        env: dict[str, str] | None = None,
        *,
        name: str = "",
        door: str = _PLAIN,
    ) -> Daemon:
        filled = {"door": door, "scheme": scheme, "program": program, "more": more}
        text = _SIGN_IN
        for place, value in filled.items():
            text = text.replace(f"{{{place}}}", value)
        return self._squid(name or scheme, text, env)

    def _squid(self, name: str, text: str, env: dict[str, str] | None = None) -> Daemon:
        port = free_port()
        common = _COMMON.replace("{name}", name).replace("{outgoing}", OUTGOING)
        file = self.folder / f"conf/{name}.conf"
        file.write_text(common + text.replace("{port}", str(port)))
        # The service's name is in shared memory's: another bench at the same time has its own.
        service = f"lab{name}{os.getpid()}"
        command = [*as_nobody(), self._program, "-N", "-n", service, "-f", str(file)]
        return Daemon(command, port, self.folder, f"logs/{name}.out", env)

    def clear_shared_memory(self) -> None:
        """Of those that were killed: others put theirs away themselves."""
        for left in Path("/dev/shm").glob(f"lab*{os.getpid()}-cf__*.shm"):
            left.unlink(missing_ok=True)

    def access_log(self, name: str) -> str:
        file = self.folder / f"logs/{name}-access.log"
        return file.read_text() if file.exists() else ""
