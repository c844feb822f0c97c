from django.urls import URLPattern, path

from dovetail.server.activity import views

urlpatterns: list[URLPattern] = [path("activity/", views.activity, name="activity")]
