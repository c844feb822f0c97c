from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "dovetail.server.realtime"
    label = "realtime"

    def ready(self) -> None:
        from dovetail.server.realtime import occasions

        occasions.watch()
