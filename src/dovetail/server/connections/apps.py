from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "dovetail.server.connections"
    label = "connections"
