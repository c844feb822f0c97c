from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "dovetail.server.pages"
    label = "pages"
