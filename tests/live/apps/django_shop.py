"""A real Django application in one file: sessions, CSRF, forms, uploads, streaming and a broken view."""

import hashlib

from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def front(request):
    page = engines["django"].from_string("Welcome to {{ host }}{{ path }}.")
    return HttpResponse(page.render({"host": request.get_host(), "path": request.path}))


def token(request):
    return HttpResponse(get_token(request))


def order(request):
    request.session["orders"] = request.session.get("orders", 0) + 1
    return JsonResponse({"post": dict(request.POST.lists()), "orders": request.session["orders"]})


@csrf_exempt
def upload(request):
    data = request.FILES["file"].read()
    return JsonResponse({"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def stream(request):
    return StreamingHttpResponse((f"line {number}\n" for number in range(100)), content_type="text/plain")


def broken(request):
    raise RuntimeError("broken on purpose")


urlpatterns = [
    path("", front),
    path("token", token),
    path("order", order),
    path("upload", upload),
    path("stream", stream),
    path("broken", broken),
]

application = get_wsgi_application()
