"""The outbox: work that is remembered in the transaction that causes it, and done afterwards by the worker.

Another app puts its handlers in a module `jobs.py`, marked with `registry.job`, and asks for work with
`outbox.enqueue`.
"""
