"""URLs of the tests; each room has its own and sets ROOT_URLCONF."""

urlpatterns: list[object] = []
