# callserver in a container: wheels are made in the first stage, the second holds nothing that builds.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY media ./media
COPY signaling ./signaling
COPY callserver ./callserver
COPY web ./web
RUN pip wheel --no-cache-dir -c constraints.txt --wheel-dir /wheels ".[voice]"
# The packet path as machine code, of the very sources that are in the wheel. mypy reads msgspec's types.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/* \
 && pip install --no-cache-dir -c constraints.txt mypy msgspec setuptools && python -m callserver.compiled.build

FROM python:3.11-slim
# PYTHONDONTWRITEBYTECODE stays unset: without compiled files a media worker starts two to three times slower.
ENV PYTHONUNBUFFERED=1 \
    CALLSERVER_DATA_DIR=/data \
    CALLSERVER_MEDIA__HOST=0.0.0.0 \
    CALLSERVER_MEDIA__WORKERS=2
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    --mount=type=bind,from=build,source=/src/callserver/compiled,target=/compiled \
    pip install --no-cache-dir --no-index --find-links=/wheels "callserver[voice]" \
 && packages="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && cp -r /compiled/*/ "$packages/callserver/compiled/" \
 && python -c 'from callserver import compiled; assert compiled.use(), "the packet path is not compiled"' \
 && python -m compileall -q "$packages" \
 && useradd --system --uid 10001 --home-dir /data callserver \
 && install -d -o callserver -g callserver -m 700 /data
USER callserver
WORKDIR /data
VOLUME /data
# HTTP and WebSocket; then one number a media worker, UDP and TCP alike.
EXPOSE 8080 7882-7883/udp 7882-7883/tcp
# SIGTERM drains: calls in progress may end (drain_timeout), new ones are refused. The server reaps its own workers.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["python", "-c", "\
import os, ssl, urllib.request; \
scheme = 'https' if os.environ.get('CALLSERVER_HTTP__TLS_CERTIFICATE') else 'http'; \
url = scheme + '://127.0.0.1:' + os.environ.get('CALLSERVER_HTTP__PORT', '8080') + '/healthz'; \
urllib.request.urlopen(url, timeout=2, context=ssl._create_unverified_context())"]
ENTRYPOINT ["callserver"]
CMD ["serve"]
