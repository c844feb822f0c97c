"""A real MIT KDC on loopback with account lockout, as a company's directory has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from network.processes import Daemon, free_port, require

REALM = "LAB.TEST"
ALICE, ALICES_PASSWORD = f"alice@{REALM}", "Secret-1"
SERVICE = f"HTTP/localhost@{REALM}"

_CLIENT = """
[libdefaults]
 default_realm = LAB.TEST
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 LAB.TEST = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = LAB.TEST
"""
_SERVER = """
[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 LAB.TEST = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/kadm5.acl
  supported_enctypes = aes256-cts-hmac-sha1-96:normal
 }}
[logging]
 kdc = FILE:{folder}/kdc.log
"""


class Realm:
    """Its database, service key and client configuration, all in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "krb5.conf"
        self.keytab = folder / "proxy.keytab"
        port = free_port()
        self.config.write_text(_CLIENT.format(port=port))
        (folder / "kdc.conf").write_text(_SERVER.format(port=port, folder=folder))
        self._env = {
            **os.environ,
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{folder}/cc",
        }
        self._run(require("kdb5_util"), "create", "-s", "-P", "x", "-r", REALM)
        self.admin("addpol -maxfailure 3 -failurecountinterval 600 -lockoutduration 600 corp")
        self.admin(f"addprinc +requires_preauth -policy corp -pw {ALICES_PASSWORD} alice")
        self.admin(f"addprinc -randkey {SERVICE}")
        self.admin(f"ktadd -k {self.keytab} {SERVICE}")
        self.keytab.chmod(0o644)
        self.kdc = Daemon([require("krb5kdc"), "-n"], port, folder, "kdc.out", self._env)

    def admin(self, query: str) -> str:
        return self._run(require("kadmin.local"), "-q", query)

    def failed_attempts(self) -> int:
        """Wrong passwords that the directory has counted for alice."""
        told = self.admin("getprinc alice")
        return int(next(line for line in told.splitlines() if "Failed password" in line).rpartition(":")[2])

    def unlock(self) -> None:
        self.admin("modprinc -unlock alice")

    def sign_in(self) -> dict[str, str]:
        """As a user does in the morning; the environment that holds the ticket."""
        self._run(require("kinit"), "alice", stdin=ALICES_PASSWORD + "\n")
        return {name: self._env[name] for name in ("KRB5_CONFIG", "KRB5CCNAME")}

    def _run(self, *command: str, stdin: str = "") -> str:
        done = subprocess.run(command, input=stdin, env=self._env, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout
