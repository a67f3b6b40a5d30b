# One image for web, worker, clock and scoring; compose.yaml starts them. Linted with hadolint, but so far not built: no
# Docker engine was at hand where it was written.
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/gatewright
WORKDIR /src
# The requirements change seldom and take long; the sources come after them.
COPY constraints.txt pyproject.toml ./
RUN ["/opt/gatewright/bin/python", "-c", "import subprocess, sys, tomllib; wanted = tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']; subprocess.run([sys.executable, '-m', 'pip', 'install', '--constraint', 'constraints.txt', *wanted], check=True)"]
COPY . .
# Bundles the front end with the Node of a wheel, which stays behind in this stage.
RUN /opt/gatewright/bin/pip install --no-deps .

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="Gatewright" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 gatewright \
    && useradd --uid 10001 --gid gatewright --create-home gatewright \
    && install -d -o gatewright -g gatewright /data
COPY --from=build /opt/gatewright /opt/gatewright
ENV PATH=/opt/gatewright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEWRIGHT_DATA_DIR=/data \
    GATEWRIGHT_WEB_HOST=0.0.0.0 \
    GATEWRIGHT_SCORING_HOST=0.0.0.0
# Worker and clock tell health and metrics at a loopback address: a Prometheus outside of the container needs
# GATEWRIGHT_WORKER_HOST=0.0.0.0, GATEWRIGHT_CLOCK_HOST=0.0.0.0 and GATEWRIGHT_METRICS_TOKEN.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8470 8471 8472 8473
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8470/api/v1/ready', timeout=4)"]
ENTRYPOINT ["gatewright"]
CMD ["web"]
