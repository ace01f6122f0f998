"""The paths of the server: below /oauth2/, as Podero has them, and not below django-oauth-toolkit's usual /o/."""

from django.urls import include, path

urlpatterns = [path("oauth2/", include("oauth2_provider.urls"))]
