"""The addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, path

from dashboards.views import fleet, session

urlpatterns: list[URLPattern] = [
    path("", fleet.fleet, name="fleet"),
    path("findings/", fleet.fleet, name="findings"),
    path("settings/", fleet.fleet, name="settings"),
    path("login/", LoginView.as_view(template_name="dashboards/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("preferences/", session.preferences, name="preferences"),
]
