from django.urls import URLPattern, path

from dovetail.server.bookings import by_link, manage, public

urlpatterns: list[URLPattern] = [
    path("bookings/", manage.bookings, name="bookings"),
    path("bookings/<uuid:pk>/", manage.booking, name="booking"),
    path("bookings/<uuid:pk>/approve/", manage.approve, name="approve_booking"),
    path("bookings/<uuid:pk>/decline/", manage.decline, name="decline_booking"),
    path("bookings/<uuid:pk>/cancel/", manage.cancel, name="cancel_booking"),
    path("bookings/<uuid:pk>/no-show/", manage.no_show, name="no_show_booking"),
    path("b/<str:token>/", by_link.booking, name="customer_booking"),
    path("b/<str:token>/booking.ics", by_link.ics, name="customer_ics"),
    path("b/<str:token>/reschedule/", by_link.reschedule, name="customer_reschedule"),
    path("b/<str:token>/cancel/", by_link.cancel, name="customer_cancel"),
    path("<slug:page>/", public.booking_page, name="booking_page"),
    path("<slug:page>/<slug:event_type>/", public.choose, name="event_type"),
    path("<slug:page>/<slug:event_type>/book/", public.book, name="book"),
]
