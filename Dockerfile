# The service alone; docker-compose.yml has PostgreSQL and Redis beside it.
# All requirements are wheels, pinned with hashes: no compiler is needed.
FROM python:3.11-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The image's own pip installs into it, so it needs none; setuptools only makes the package.
RUN python -m venv --without-pip /opt/vatwatch
WORKDIR /build
COPY requirements.txt ./
RUN pip --python /opt/vatwatch/bin/python install --require-hashes -r requirements.txt
COPY LICENSE README.md pyproject.toml setup.py ./
COPY vatwatch vatwatch
COPY vatsim_simulator vatsim_simulator
RUN pip --python /opt/vatwatch/bin/python install --no-build-isolation --no-deps . \
    && pip --python /opt/vatwatch/bin/python uninstall --yes setuptools

FROM python:3.11-slim

# Nothing is installed here any more. The group's number is fixed, too: Kubernetes names it.
RUN pip uninstall --yes --root-user-action=ignore setuptools wheel pip \
    && rm -rf /usr/local/lib/python3.11/ensurepip \
    && groupadd --system --gid 10001 vatwatch \
    && useradd --system --uid 10001 --gid vatwatch --create-home --home-dir /var/lib/vatwatch vatwatch
COPY --from=build /opt/vatwatch /opt/vatwatch
# The journal, and the embedded PostgreSQL if DATABASE_URL is not set. All else may be read-only, but
# for /tmp, where gunicorn has the files of its beats.
ENV PATH=/opt/vatwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VATWATCH_HOME=/var/lib/vatwatch \
    VATWATCH_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/vatwatch
VOLUME /var/lib/vatwatch
EXPOSE 8001
# Alive, not ready: a service that waits for VATSIM must not be killed for it.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', '8001')}/healthz\", timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["vatwatch", "run"]
