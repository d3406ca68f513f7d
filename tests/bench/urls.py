"""The pages: rendered from a template, or as small as a view can be."""

from django.urls import path

from tests.bench import views

urlpatterns = [
    path("news/<int:year>/<slug:slug>/", views.rendered),
    path("admin/<int:year>/<slug:slug>/", views.rendered),
    path("constant/<int:year>/<slug:slug>/", views.constant),
    path("admin/constant/<slug:slug>/", views.constant),
]
