# The service alone; docker-compose.yml has PostgreSQL and Redis beside it.
# All requirements are wheels, pinned with hashes: no compiler is needed.
FROM python:3.11-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/vatwatch
WORKDIR /build
COPY requirements.txt ./
RUN /opt/vatwatch/bin/pip install --require-hashes -r requirements.txt
COPY LICENSE README.md pyproject.toml setup.py ./
COPY vatwatch vatwatch
COPY vatsim_simulator vatsim_simulator
RUN /opt/vatwatch/bin/pip install --no-build-isolation --no-deps .

FROM python:3.11-slim

# The journal, and the embedded PostgreSQL if DATABASE_URL is not set.
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/vatwatch vatwatch
COPY --from=build /opt/vatwatch /opt/vatwatch
ENV PATH=/opt/vatwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VATWATCH_HOME=/var/lib/vatwatch \
    VATWATCH_HOST=0.0.0.0
USER vatwatch
WORKDIR /var/lib/vatwatch
VOLUME /var/lib/vatwatch
EXPOSE 8001
# Alive, not ready: a service that waits for VATSIM must not be killed for it.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', '8001')}/healthz\", timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["vatwatch", "run"]
