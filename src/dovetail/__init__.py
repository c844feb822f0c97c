"""Dovetail: scheduling for people whose calendar lives in desktop Outlook."""

__version__ = "0.1.0"
