# docker build -t watchbell .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:12-slim
# Certificates for https gateways and webhooks; the program itself needs nothing but libc.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/watchbell --create-home watchbell
COPY --from=build /src/target/release/watchbell /usr/local/bin/watchbell
USER watchbell
WORKDIR /var/lib/watchbell
VOLUME /var/lib/watchbell
ENV WATCHBELL__SERVER__LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["watchbell"]
CMD ["serve"]
