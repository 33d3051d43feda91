#!/usr/bin/env bash
# A private nginx on loopback, as an application that knows nothing of signing in. Everything it has lies in its own folder.
#   nginx.sh start FOLDER PORT TLS_PORT WEBSOCKET_PORT    prints KEY=VALUE; the server goes on in the background
#   nginx.sh stop FOLDER                                  ends it; the folder stays
# Every path shows as a page what was received (server-side includes), except
#   /10m.bin /gzip/ /ok      a file of 10 MiB; a page that is compressed for who accepts it; two letters
#   /public/                 files that a test puts there
#   /slow.bin                the same file at 4 MiB a second
#   /upload                  takes a body of any size and says how long it was
#   /tls                     the protocol, the name that was asked for, and who the client says it is; 403 without its certificate
#   /socket                  goes on to a WebSocket server on WEBSOCKET_PORT
# On TLS_PORT it is `localhost`, by a CA of its own, and speaks HTTP/2 with who asks; client.pem and client.key are good for /tls. With OWN_CERTIFICATE=1
# in the environment its certificate is by nobody but itself (openssl req -x509), and is what CA= names. Exit 77: not installed (Debian: nginx-light openssl). Exit 75: a port was taken.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

certificates() (
    cd "$1"
    if [ -n "${OWN_CERTIFICATE:-}" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=localhost" -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem
        cp server.pem ca.pem
        return
    fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=CA of a test application" -keyout ca.key -out ca.pem
    # By its name alone: reached as 127.0.0.1 it is the wrong server.
    printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >server.ext
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile server.ext -out server.pem
    printf 'extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n' >client.ext
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=doorward" -keyout client.key -out client.csr
    openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile client.ext -out client.pem
)

pages() {
    local said
    {
        printf '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The intranet</title><link rel="icon" href="data:,"></head>\n<body><main><h1>The intranet</h1><pre>\n'
        for said in request_method request_uri scheme http_host http_x_forwarded_user http_x_forwarded_email http_x_forwarded_groups \
            http_x_forwarded_for http_x_forwarded_proto http_x_forwarded_host http_cookie http_authorization; do
            printf '%s=<!--#echo var="%s" default="(none)" -->\n' $said $said
        done
        printf '</pre><p><a href="/.doorward/logout">Sign out</a></p></main></body></html>\n'
    } >"$1/www/page.html"
    head -c 10485760 /dev/urandom >"$1/www/10m.bin"
    ln "$1/www/10m.bin" "$1/www/slow.bin"
    mkdir "$1/www/gzip" "$1/www/public"
    { printf '<!doctype html><title>Long</title>\n'; seq 2000; } >"$1/www/gzip/index.html"
}

configuration() { # folder, ports
    cat <<CONF
${ROOT:+user root;}
worker_processes 1;
daemon off;
pid $1/nginx.pid;
error_log $1/error.log info;
events { worker_connections 512; }
http {
    access_log $1/access.log;
    types { text/html html; }
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path $1/tmp/body;
    proxy_temp_path $1/tmp/proxy;
    fastcgi_temp_path $1/tmp/fastcgi;
    uwsgi_temp_path $1/tmp/uwsgi;
    scgi_temp_path $1/tmp/scgi;
    server {
        listen 127.0.0.1:$2;
        listen 127.0.0.1:$3 ssl http2;
        server_name _;
        ssl_certificate $1/server.pem;
        ssl_certificate_key $1/server.key;
        ssl_client_certificate $1/ca.pem;
        ssl_verify_client optional;
        root $1/www;
        location / {
            ssi on;
            rewrite ^ /page.html break;
        }
        location = /10m.bin { }
        location = /slow.bin { limit_rate 4m; }
        location /gzip/ { gzip on; gzip_min_length 1; gzip_proxied any; }
        location /public/ { }
        location = /ok { return 200 "ok"; }
        location = /tls {
            if (\$ssl_client_verify != SUCCESS) { return 403 "who are you?"; }
            return 200 "\$server_protocol \$ssl_server_name \$ssl_client_s_dn";
        }
        location = /upload {
            # A body is read whole only where it is passed on, so the server asks itself, with the length that really came.
            proxy_request_buffering on;
            proxy_pass http://127.0.0.1:$2/uploaded;
        }
        location = /uploaded { return 200 "\$content_length bytes\n"; }
        location = /socket {
            proxy_pass http://127.0.0.1:$4;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 60s;
        }
    }
}
CONF
}

start() {
    local folder=$1 port=$2 tls_port=$3 pid
    command -v nginx openssl >/dev/null || { echo "nginx or openssl is not installed" >&2; exit 77; }
    mkdir -p "$folder"/{www,tmp}
    folder=$(realpath "$folder")
    (certificates "$folder") >"$folder/openssl.log" 2>&1 || { cat "$folder/openssl.log" >&2; exit 1; }
    pages "$folder"
    ROOT=
    if [ "$(id -u)" = 0 ]; then ROOT=1; fi
    configuration "$folder" "$port" "$tls_port" "$4" >"$folder/nginx.conf"
    setsid nginx -p "$folder" -c "$folder/nginx.conf" -e "$folder/error.log" </dev/null >"$folder/out" 2>&1 &
    pid=$!
    echo $pid >"$folder/pid"
    for _ in $(seq 250); do
        (exec 3<>"/dev/tcp/127.0.0.1/$tls_port") 2>/dev/null && [ -s "$folder/nginx.pid" ] && break
        kill -0 $pid 2>/dev/null || { cat "$folder/out" "$folder/error.log" >&2; exit 75; }
        sleep 0.02
    done
    printf '%s\n' "PID=$pid" "PORT=$port" "TLS_PORT=$tls_port" "CA=$folder/ca.pem" "WWW=$folder/www"
}

stop() {
    local pid
    pid=$(cat "$1/pid")
    # Only if it is still ours: the number may have gone to somebody else.
    grep -qzF "$1" "/proc/$pid/cmdline" 2>/dev/null || return 0
    kill -TERM "$pid" 2>/dev/null || true
}

case ${1:-} in
start) start "$2" "$3" "$4" "$5" ;;
stop) stop "$(realpath "$2")" ;;
*) sed -n '2,12p' "$0" >&2; exit 64 ;;
esac
