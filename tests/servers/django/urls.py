"""Where the server's pages are: not at django-oauth-toolkit's usual /o/, but where Podero has them."""

from django.urls import include, path

urlpatterns = [path("oauth2/", include("oauth2_provider.urls"))]
