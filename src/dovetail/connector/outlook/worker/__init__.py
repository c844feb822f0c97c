"""A process of its own for a program that may hang: see `calendar` for this side of it, `process` for the other."""
