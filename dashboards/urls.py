"""The addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, path

from dashboards.views import compare, finding, flame, fleet, growth, service, session, settings, snapshots

urlpatterns: list[URLPattern] = [
    path("", fleet.fleet, name="fleet"),
    path("install/", fleet.install, name="install"),
    path("install/token/", fleet.install_token, name="install-token"),
    path("waiting/", fleet.waiting, name="waiting"),
    path("sparklines/", fleet.fleet_sparklines, name="sparklines"),
    path("services/<path:name>/pictures/", service.service_pictures, name="service-pictures"),
    path("services/<path:name>/tables/", service.service_tables, name="service-tables"),
    path("services/<path:name>/latest/", service.service_latest, name="service-latest"),
    path("findings/", finding.findings, name="findings"),
    path("findings/<int:finding_id>/", finding.finding, name="finding"),
    path("findings/<int:finding_id>/change/", finding.change, name="finding-change"),
    path("settings/", settings.settings, name="settings"),
    path("settings/token/", settings.new_token, name="settings-token"),
    path("login/", LoginView.as_view(template_name="dashboards/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("preferences/", session.preferences, name="preferences"),
    path("services/<path:name>/snapshots/pin/", snapshots.pin, name="pin-snapshot"),
    path("services/<path:name>/flame/", flame.flame, name="flame"),
    path("services/<path:name>/compare/", compare.compare, name="compare"),
    path("services/<path:name>/growth/holders/", growth.find_holders, name="find-holders"),
    path("services/<path:name>/growth/", growth.growth, name="growth"),
    path("services/<path:name>/", service.service, name="service"),  # last: a name may hold slashes
]
