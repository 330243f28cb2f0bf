FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gpuwatch gpuwatch
RUN python -m venv /opt/gpuwatch \
 && /opt/gpuwatch/bin/pip install --no-cache-dir --constraint constraints.txt \
      '.[postgres,aws,apprise,charts]'

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="gpuwatch" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/gpuwatch /opt/gpuwatch
RUN useradd --system --uid 10001 --user-group --no-create-home \
      --home-dir /var/lib/gpuwatch gpuwatch \
 && install -d -o gpuwatch -g gpuwatch -m 0700 /var/lib/gpuwatch
ENV PATH=/opt/gpuwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/gpuwatch
USER 10001:10001
WORKDIR /var/lib/gpuwatch
VOLUME /var/lib/gpuwatch
EXPOSE 9488
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9488/healthz', timeout=4)"]
# The page listens on loopback: give GPUWATCH_WEB__LISTEN=0.0.0.0:9488 together with
# GPUWATCH_WEB__TOKEN to publish it (deploy/compose.yaml does).
ENTRYPOINT ["gpuwatch"]
CMD ["run"]
