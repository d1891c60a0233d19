# One image for the web server, the worker and the scheduler; `docker compose up` starts all three.
FROM python:3.11-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt
COPY profiler_server profiler_server
RUN /venv/bin/python -m profiler_server.codecs.build_fast

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/plimsoll --uid 10001 plimsoll
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py .
COPY --from=build /app/profiler_server profiler_server
COPY dashboards dashboards
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PLIMSOLL_DATA_DIR=/var/lib/plimsoll \
    PLIMSOLL_BIND=0.0.0.0:8000 \
    DJANGO_SETTINGS_MODULE=profiler_server.config.settings
RUN SECRET_KEY=only-for-this-step python manage.py collectstatic --noinput && chown -R plimsoll /var/lib/plimsoll
USER plimsoll
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/login/')"
CMD ["gunicorn", "-c", "python:profiler_server.config.gunicorn", "profiler_server.config.wsgi:application"]
