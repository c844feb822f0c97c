from django.urls import URLPattern, path

from dovetail.server.pages import event_types, manage

urlpatterns: list[URLPattern] = [
    path("pages/", manage.pages, name="pages"),
    path("pages/<int:pk>/", manage.page, name="page"),
    path("pages/<int:pk>/delete/", manage.delete_page, name="delete_page"),
    path("pages/<int:pk>/hours/", manage.hours, name="hours"),
    path("pages/<int:pk>/hours/dates/", manage.add_override, name="add_override"),
    path("pages/<int:pk>/hours/dates/<str:day>/delete/", manage.remove_override, name="remove_override"),
    path("pages/<int:pk>/event-types/", event_types.new_event_type, name="new_event_type"),
    path("event-types/<int:pk>/", event_types.event_type, name="manage_event_type"),
    path("event-types/<int:pk>/delete/", event_types.delete_event_type, name="delete_event_type"),
]
