"""The parlour's URLs."""

from django.urls import path

from demo.icecream import edit, views

urlpatterns = [
    path("", views.index, name="index"),
    path("feed.xml", views.feed, name="feed"),
    path("flavours/<slug:slug>/", views.flavour, name="flavour"),
    path("sizes/<slug:slug>/", views.size, name="size"),
    path("edit/", edit.counter, name="counter"),
    path("edit/flavours/", edit.change_flavour, name="add-flavour"),
    path("edit/flavours/<int:pk>/", edit.change_flavour, name="change-flavour"),
    path("edit/flavours/<int:pk>/delete/", edit.delete_flavour, name="delete-flavour"),
    path("edit/notice/", edit.change_notice, name="change-notice"),
]
