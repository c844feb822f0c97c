from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "dovetail.server.notifications"
    label = "notifications"
