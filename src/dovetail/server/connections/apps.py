from django.apps import AppConfig
from django.db.models.signals import post_delete


class ConnectionsConfig(AppConfig):
    name = "dovetail.server.connections"
    label = "connections"

    def ready(self) -> None:
        from dovetail.server.connections import erasure

        post_delete.connect(erasure.on_deleted, sender="connections.Connection")
