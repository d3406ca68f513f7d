"""The parlour's URLs: its pages are slow at a reader's wish, and its rows change at a writer's."""

from django.urls import path

from demo.icecream import views
from demo.urls import urlpatterns as parlour
from tests.chaos.site.pages import slow
from tests.chaos.site.writes import idle, write

urlpatterns = [
    path("", slow(views.index)),
    path("feed.xml", slow(views.feed)),
    path("flavours/<slug:slug>/", slow(views.flavour)),
    path("sizes/<slug:slug>/", slow(views.size)),
    path("chaos/write/", write),
    path("chaos/idle/", idle),
    *parlour,
]
