from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "dovetail.server.accounts"
    label = "accounts"
