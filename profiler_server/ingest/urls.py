"""The addresses that agents and foreign clients push to."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
