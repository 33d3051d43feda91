#!/usr/bin/env bash
# Private servers of web applications on loopback, each as it comes: gunicorn, waitress, uWSGI, Radicale, PHP-FPM behind nginx, Tomcat.
# Everything they have lies in one folder.
#   applications.sh start FOLDER GUNICORN_PORT WAITRESS_PORT UWSGI_PORT RADICALE_PORT PHP_PORT TOMCAT_PORT
#       prints KEY=VALUE; they go on in the background
#   applications.sh stop FOLDER                                                      ends them; the folder stays
# Each path of gunicorn, waitress, uWSGI, PHP and Tomcat shows what the application takes the request for, a `NAME=VALUE` a line and sorted:
# the variables of WSGI and of PHP, and what a servlet sees. Tomcat has the two valves that believe a proxy, RemoteIpValve and SSLValve;
# waitress believes the X-Forwarded fields of a proxy on loopback, uWSGI its scheme. Radicale keeps calendars and takes everybody for who
# they say they are.
# Exit 77: not installed (Debian: gunicorn python3-waitress uwsgi-core uwsgi-plugin-python3 radicale php-fpm nginx-light tomcat10
# default-jre-headless). Exit 75: a port was taken.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

wsgi() {
    cat >"$1/tells.py" <<'PYTHON'
def application(environ, start_response):
    told = (f"{name}={value}" for name, value in environ.items() if name.isupper() and name not in ("REMOTE_PORT", "RAW_URI"))
    body = "\n".join(sorted([*told, f"scheme={environ['wsgi.url_scheme']}"])).encode("latin-1", "replace")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
PYTHON
    cat >"$1/behind_proxy.py" <<'PYTHON'
import sys
import tells
import waitress
believed = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-by"}
waitress.serve(tells.application, host="127.0.0.1", port=int(sys.argv[1]), threads=2, trusted_proxy="127.0.0.1",
               trusted_proxy_headers=believed, log_untrusted_proxy_headers=False, clear_untrusted_proxy_headers=False)
PYTHON
}

php() { # folder, port
    mkdir -p "$1/www" "$1/tmp"
    cat >"$1/www/tells.php" <<'PHP'
<?php
header("Content-Type: text/plain");
$changes = ["REMOTE_PORT", "REQUEST_TIME", "REQUEST_TIME_FLOAT"];
$told = array_diff_key($_SERVER, array_flip($changes));
ksort($told);
foreach ($told as $name => $value) if (is_string($value)) echo "$name=$value\n";
PHP
    cat >"$1/fpm.conf" <<CONF
[global]
error_log = $1/fpm.log
daemonize = no
[www]
${ROOT:+user = root
group = root}
listen = $1/fpm.socket
pm = static
pm.max_children = 2
CONF
    cat >"$1/nginx.conf" <<CONF
${ROOT:+user root;}
worker_processes 1;
daemon off;
pid $1/nginx.pid;
error_log $1/nginx.log info;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $1/tmp/body; proxy_temp_path $1/tmp/proxy; fastcgi_temp_path $1/tmp/fastcgi; uwsgi_temp_path $1/tmp/uwsgi; scgi_temp_path $1/tmp/scgi;
    server {
        listen 127.0.0.1:$2;
        location / {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $1/www/tells.php;
            fastcgi_pass unix:$1/fpm.socket;
        }
    }
}
CONF
}

tomcat() { # folder, port
    local base=$1/tomcat
    mkdir -p "$base"/{conf,logs,temp,work,webapps/ROOT/WEB-INF}
    cp /etc/tomcat10/web.xml "$base/conf/web.xml"
    cat >"$base/conf/server.xml" <<XML
<Server port="-1"><Service name="Catalina">
  <Connector port="$2" address="127.0.0.1" protocol="HTTP/1.1"/>
  <Engine name="Catalina" defaultHost="localhost">
    <Valve className="org.apache.catalina.valves.RemoteIpValve"/>
    <Valve className="org.apache.catalina.valves.SSLValve"/>
    <Host name="localhost" appBase="webapps"/>
  </Engine>
</Service></Server>
XML
    cat >"$base/webapps/ROOT/WEB-INF/web.xml" <<'XML'
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="5.0">
  <servlet><servlet-name>tells</servlet-name><jsp-file>/WEB-INF/tells.jsp</jsp-file></servlet>
  <servlet-mapping><servlet-name>tells</servlet-name><url-pattern>/*</url-pattern></servlet-mapping>
</web-app>
XML
    cat >"$base/webapps/ROOT/WEB-INF/tells.jsp" <<'JSP'
<%@ page contentType="text/plain" session="false" import="java.util.*" trimDirectiveWhitespaces="true" %><%
    var told = new TreeSet<String>();
    told.add("PATH_INFO=" + request.getServletPath() + Objects.toString(request.getPathInfo(), ""));
    told.add("context=" + request.getContextPath());
    told.add("REMOTE_ADDR=" + request.getRemoteAddr());
    told.add("REMOTE_USER=" + request.getRemoteUser());
    told.add("REQUEST_METHOD=" + request.getMethod());
    told.add("scheme=" + request.getScheme());
    told.add("server=" + request.getServerName() + ":" + request.getServerPort());
    for (var name : Collections.list(request.getAttributeNames())) {
        if (name.startsWith("jakarta.servlet.request")) told.add(name + "=" + request.getAttribute(name));
    }
    for (var name : Collections.list(request.getHeaderNames())) told.add("header " + name + "=" + request.getHeader(name));
    out.print(String.join("\n", told));
%>
JSP
}

run() { # name, command...
    local name=$1
    shift
    setsid "$@" </dev/null >"$folder/$name.out" 2>&1 &
    echo $! >"$folder/$name.pid"
}

listens() { # name, port
    for _ in $(seq 3000); do
        (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return 0
        kill -0 "$(cat "$folder/$1.pid")" 2>/dev/null || { cat "$folder/$1.out" >&2; stop "$folder"; exit 75; }
        sleep 0.02
    done
    echo "$1 does not listen" >&2
    return 1
}

start() {
    local fpm
    fpm=$(compgen -c php-fpm | sort | tail -n 1)
    command -v gunicorn uwsgi radicale nginx java >/dev/null && [ -n "$fpm" ] && /usr/bin/python3 -c "import waitress" 2>/dev/null &&
        [ -n "$(compgen -G "/usr/lib/uwsgi/plugins/python3*_plugin.so")" ] && [ -e /usr/share/tomcat10/bin/bootstrap.jar ] ||
        { echo "gunicorn, waitress, uWSGI, Radicale, PHP-FPM, nginx or Tomcat is not installed" >&2; exit 77; }
    mkdir -p "$1"
    folder=$(realpath "$1")
    ROOT=
    if [ "$(id -u)" = 0 ]; then ROOT=1; fi
    wsgi "$folder"
    php "$folder" "$6"
    tomcat "$folder" "$7"
    run gunicorn gunicorn --chdir "$folder" --bind "127.0.0.1:$2" --workers 1 --threads 2 --keep-alive 5 tells:application
    run waitress /usr/bin/python3 "$folder/behind_proxy.py" "$3"
    run uwsgi uwsgi --plugin python3 --http-socket "127.0.0.1:$4" --chdir "$folder" --wsgi-file "$folder/tells.py" --threads 2 \
        --log-x-forwarded-for --buffer-size 32768 --die-on-term --need-app
    run radicale radicale --server-hosts="127.0.0.1:$5" --auth-type=none --rights-type=authenticated --storage-filesystem-folder="$folder/calendars"
    run fpm "$fpm" -F ${ROOT:+-R} -y "$folder/fpm.conf"
    run nginx nginx -p "$folder" -c "$folder/nginx.conf" -e "$folder/nginx.log"
    run tomcat java -Xmx128m -XX:TieredStopAtLevel=1 -Dcatalina.home=/usr/share/tomcat10 -Dcatalina.base="$folder/tomcat" -Djava.io.tmpdir="$folder/tomcat/temp" \
        -cp "/usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar" org.apache.catalina.startup.Bootstrap start
    listens gunicorn "$2"
    listens waitress "$3"
    listens uwsgi "$4"
    listens radicale "$5"
    listens nginx "$6"
    listens tomcat "$7"
    printf '%s\n' "GUNICORN=$2" "WAITRESS=$3" "UWSGI=$4" "RADICALE=$5" "PHP=$6" "TOMCAT=$7"
}

stop() {
    local file pid
    for file in "$1"/{gunicorn,waitress,uwsgi,radicale,fpm,nginx,tomcat}.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        # Only if it is still ours: the number may have gone to somebody else.
        grep -qzF "$1" "/proc/$pid/cmdline" 2>/dev/null || grep -qz "php-fpm" "/proc/$pid/cmdline" 2>/dev/null || continue
        kill -TERM "$pid" 2>/dev/null || true
    done
}

case ${1:-} in
start) start "$2" "$3" "$4" "$5" "$6" "$7" "$8" ;;
stop) stop "$(realpath "$2")" ;;
*) sed -n '2,13p' "$0" >&2; exit 64 ;;
esac
