from django.apps import AppConfig


class ActivityConfig(AppConfig):
    name = "dovetail.server.activity"
    label = "activity"
