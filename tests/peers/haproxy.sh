#!/usr/bin/env bash
# A private HAProxy on loopback in front of Doorward, which sees it as 127.0.0.9. Everything it has lies in its own folder.
#   haproxy.sh start FOLDER CERTIFICATE V1_PORT V2_PORT HTTP_PORT BY_PROXY BY_FIELD    prints KEY=VALUE; goes on in the background
#   haproxy.sh stop FOLDER                                                            ends it; the folder stays
# V1_PORT and V2_PORT pass TLS on as it is to port BY_PROXY, with `send-proxy` and `send-proxy-v2`, health checks included. HTTP_PORT
# ends TLS (CERTIFICATE: chain and key in one file; h2 and http/1.1) and speaks TLS anew to port BY_FIELD, with `option forwardfor`.
# Exit 77: not installed (Debian: haproxy). Exit 75: a port was taken.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

configuration() { # folder, certificate, ports
    cat <<CONF
global
    stats socket $1/stats.sock mode 600 level admin
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen version_1
    mode tcp
    bind 127.0.0.1:$3
    option httpchk
    http-check send meth GET uri /.doorward/health ver HTTP/1.1 hdr Host app.example
    server doorward 127.0.0.1:$6 source 127.0.0.9 send-proxy check check-ssl verify none check-send-proxy inter 200ms fall 1 rise 1
listen version_2
    mode tcp
    bind 127.0.0.1:$4
    option httpchk
    http-check send meth GET uri /.doorward/health ver HTTP/1.1 hdr Host app.example
    server doorward 127.0.0.1:$6 source 127.0.0.9 send-proxy-v2 check check-ssl verify none check-send-proxy inter 200ms fall 1 rise 1
listen fields
    mode http
    bind 127.0.0.1:$5 ssl crt $2 alpn h2,http/1.1
    option forwardfor
    server doorward 127.0.0.1:$7 source 127.0.0.9 ssl verify none sni str(app.example) alpn http/1.1
CONF
}

start() {
    local folder=$1 pid
    command -v haproxy >/dev/null || { echo "haproxy is not installed" >&2; exit 77; }
    mkdir -p "$folder"
    folder=$(realpath "$folder")
    configuration "$folder" "${@:2}" >"$folder/haproxy.cfg"
    setsid haproxy -db -f "$folder/haproxy.cfg" </dev/null >"$folder/out" 2>&1 &
    pid=$!
    echo $pid >"$folder/pid"
    for _ in $(seq 250); do
        (exec 3<>"/dev/tcp/127.0.0.1/$5") 2>/dev/null && [ -S "$folder/stats.sock" ] && break
        kill -0 $pid 2>/dev/null || { cat "$folder/out" >&2; grep -q 'cannot bind' "$folder/out" && exit 75; exit 1; }
        sleep 0.02
    done
    printf '%s\n' "PID=$pid" "LOG=$folder/out"
}

stop() {
    local pid
    pid=$(cat "$1/pid")
    # Only if it is still ours: the number may have gone to somebody else.
    grep -qzF "$1" "/proc/$pid/cmdline" 2>/dev/null || return 0
    kill -TERM "$pid" 2>/dev/null || true
}

case ${1:-} in
start) start "${@:2}" ;;
stop) stop "$(realpath "$2")" ;;
*) sed -n '2,7p' "$0" >&2; exit 64 ;;
esac
