"""Pairs many PCs in one process: standard input is a list of ``{"home", "token", "profile", "proxy"}`` in JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dovetail.connector import pairing
from dovetail.connector.profile import Home, Profile
from dovetail.protocol.credential import tokenize

for job in json.load(sys.stdin):
    home = Home(Path(job["home"]))
    profile, _ = pairing.pair(home, Profile.model_validate({**job["profile"], "proxy": "none"}), tokenize(job["token"]))
    home.write(profile.model_copy(update={"proxy": job["proxy"]}))
