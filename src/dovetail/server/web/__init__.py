"""The web process: one asyncio loop that serves HTTPS, redirects HTTP and runs the jobs."""
