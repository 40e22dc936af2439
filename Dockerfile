# callgate, and as target `phones` the SIP phones of the demo. BASE needs Python 3.11 or later.
ARG BASE=python:3.13-slim-trixie
FROM ${BASE} AS base
RUN command -v espeak-ng >/dev/null && command -v sox >/dev/null && python3 -m venv --help >/dev/null || \
    { apt-get update && apt-get install -y --no-install-recommends python3-venv espeak-ng sox && rm -rf /var/lib/apt/lists/*; }

# The tools, from hashes, build the wheel; nothing is fetched that no lock file names.
FROM base AS tools
COPY requirements-dev.lock /src/
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir --require-hashes -r /src/requirements-dev.lock
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src

FROM base AS built
COPY requirements.lock /src/
RUN python3 -m venv /opt/callgate && /opt/callgate/bin/pip install --no-cache-dir --require-hashes -r /src/requirements.lock
COPY --from=tools /wheels /wheels
RUN /opt/callgate/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM base AS callgate
# 10001 is also the group of the recording spool, which Asterisk writes and callgate empties.
RUN groupadd --gid 10001 callgate && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin callgate && \
    install -d -o callgate -g callgate -m 0750 /var/lib/callgate && \
    install -d -o callgate -g callgate -m 0755 /var/lib/callgate-prompts && \
    install -d -o callgate -g callgate -m 2770 /var/spool/callgate
COPY --from=built /opt/callgate /opt/callgate
COPY docker/callgate.toml /etc/callgate/callgate.toml
COPY docker/callgate.sh /usr/local/bin/callgate-start
ENV PATH=/opt/callgate/bin:$PATH PYTHONUNBUFFERED=1
USER callgate
HEALTHCHECK --interval=2s --timeout=2s --start-period=30s --retries=10 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen(u.Request('http://'+__import__('os').environ['CALLGATE__HTTP__LISTEN']+'/healthz', headers={'Host': 'localhost'}), timeout=2)"]
ENTRYPOINT ["/usr/local/bin/callgate-start"]

FROM tools AS phones
RUN /opt/tools/bin/pip install --no-cache-dir --no-deps /wheels/*.whl
COPY lab /src/lab
WORKDIR /src
USER nobody
ENTRYPOINT ["/opt/tools/bin/python", "-m", "lab.phone"]
