from django.urls import URLPattern, path

from dovetail.server.accounts import views

urlpatterns: list[URLPattern] = [
    path("home/", views.home, name="home"),
    path("account/", views.account, name="account"),
    path("account/delete/", views.delete_account, name="delete_account"),
]
