from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "dovetail.server.bookings"
    label = "bookings"
