"""``{{ entry|sentence }}``"""

from __future__ import annotations

from django import template

from dovetail.server.activity.sentences import sentence

register = template.Library()
register.filter("sentence", sentence)
