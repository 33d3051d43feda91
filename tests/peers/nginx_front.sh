#!/usr/bin/env bash
# A private nginx on loopback in front of Doorward, which sees it as 127.0.0.9. Everything it has lies in its own folder.
#   nginx_front.sh start FOLDER CERTIFICATE APPENDING_PORT REPLACING_PORT BY_FIELD    prints KEY=VALUE; goes on in the background
#   nginx_front.sh stop FOLDER                                                       ends it; the folder stays
# Both ports end TLS (CERTIFICATE: chain and key in one file) and speak TLS anew to port BY_FIELD: one adds the client to the
# `X-Forwarded-For` that came in, the other writes its own.
# Exit 77: not installed (Debian: nginx-light). Exit 75: a port was taken.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

server() { # certificate, port, value, target
    cat <<CONF
    server {
        listen 127.0.0.1:$2 ssl http2;
        ssl_certificate $1;
        ssl_certificate_key $1;
        location / {
            proxy_pass https://127.0.0.1:$4;
            proxy_bind 127.0.0.9;
            proxy_http_version 1.1;
            proxy_ssl_server_name on;
            proxy_ssl_name app.example;
            proxy_set_header Host \$host;
            proxy_set_header X-Forwarded-For $3;
        }
    }
CONF
}

configuration() { # folder, certificate, ports
    cat <<CONF
${ROOT:+user root;}
worker_processes 1;
daemon off;
pid $1/nginx.pid;
error_log $1/error.log info;
events { worker_connections 512; }
http {
    access_log $1/access.log;
    client_body_temp_path $1/body;
    proxy_temp_path $1/proxy;
    fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi;
    scgi_temp_path $1/scgi;
$(server "$2" "$3" '$proxy_add_x_forwarded_for' "$5")
$(server "$2" "$4" '$remote_addr' "$5")
}
CONF
}

start() {
    local folder=$1 pid
    command -v nginx >/dev/null || { echo "nginx is not installed" >&2; exit 77; }
    mkdir -p "$folder"
    folder=$(realpath "$folder")
    ROOT=
    if [ "$(id -u)" = 0 ]; then ROOT=1; fi
    configuration "$folder" "${@:2}" >"$folder/nginx.conf"
    setsid nginx -p "$folder" -c "$folder/nginx.conf" -e "$folder/error.log" </dev/null >"$folder/out" 2>&1 &
    pid=$!
    echo $pid >"$folder/pid"
    for _ in $(seq 250); do
        (exec 3<>"/dev/tcp/127.0.0.1/$4") 2>/dev/null && [ -s "$folder/nginx.pid" ] && break
        kill -0 $pid 2>/dev/null || { cat "$folder/out" "$folder/error.log" >&2; exit 75; }
        sleep 0.02
    done
    printf '%s\n' "PID=$pid" "LOG=$folder/error.log"
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
