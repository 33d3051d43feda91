#!/usr/bin/env bash
# A first measurement, only to know it: Doorward with a real session beside nginx, both in front of the same 1 kB over TLS 1.3, in
# rounds that take turns, so that a machine that slows down slows both. Also memory, sizes and the demo's first page.
#
#   benches/compare.sh [rounds] [seconds of a round]        default: 7 rounds of 5 seconds
#
# Needs nginx, wrk, curl, openssl. Uses the release build; DOORWARD_DIST names a build of the profile `dist` to give its size too.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C PATH="$PATH:/usr/sbin"

rounds=${1:-7} seconds=${2:-5} connections=64 sessions=10000
for tool in nginx wrk curl openssl; do command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }; done
target=${CARGO_TARGET_DIR:-target}
[[ -n "${DOORWARD:-}" ]] || cargo build --locked --release --quiet
doorward=$(realpath "${DOORWARD:-$target/release/doorward}")

work=$(mktemp -d) pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
port() { # a free one, as good as certain
    local number
    while :; do
        number=$((20000 + RANDOM % 20000))
        (: >"/dev/tcp/127.0.0.1/$number") 2>/dev/null || { echo "$number"; return; }
    done
}
upstream=$(port) proxy=$(port) door=$(port)
core=$(nproc)

mkdir -p "$work"/{www,state,logs}
head -c 1024 /dev/zero | tr '\0' 'x' >"$work/www/page.html"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$work/key.pem" -out "$work/chain.pem" 2>/dev/null

common="$([[ $EUID -ne 0 ]] || echo "user $(id -un) $(id -gn);") daemon off; worker_processes $core; worker_rlimit_nofile 8192; error_log $work/logs/error.log;
events { worker_connections 4096; }"
paths="access_log off; client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s; keepalive_requests 100000000; keepalive_timeout 1h;"
cat >"$work/upstream.conf" <<CONF
$common pid $work/upstream.pid;
http { $paths
    server { listen 127.0.0.1:$upstream reuseport; root $work/www; } }
CONF
cat >"$work/proxy.conf" <<CONF
$common pid $work/proxy.pid;
http { $paths
    upstream application { server 127.0.0.1:$upstream; keepalive $connections; keepalive_requests 100000000; }
    server {
        listen 127.0.0.1:$proxy ssl reuseport;
        server_name localhost;
        ssl_certificate $work/chain.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
        location / {
            proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host \$http_host; proxy_set_header X-Forwarded-For \$remote_addr;
            proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host \$http_host;
            proxy_set_header X-Forwarded-User alice;
        }
    } }
CONF
cat >"$work/doorward.toml" <<CONF
[node]
state_dir = "state"
[[listener]]
address = "127.0.0.1:$door"
certificates = [{ chain = "chain.pem", key = "key.pem" }]
[[application]]
name = "page"
hosts = ["localhost"]
policy = "here"
upstream = { servers = ["http://127.0.0.1:$upstream"] }
[[directory]]
name = "people"
kind = "local"
file = "users.toml"
[[authentication_policy]]
name = "here"
rules = [{ when = { address = ["127.0.0.0/8"] }, then = "admit" }, { then = "refuse" }]
[limits]
attempts_per_address = "1000000/1m"
failures_per_user = "1000000/1m"       # each sign-in under way counts as one until its password is right
CONF
# The password at the smallest cost that there is: what is measured is not the hash.
cat >"$work/users.toml" <<'CONF'
[[user]]
name = "alice"
password = "$argon2id$v=19$m=8,t=1,p=1$/E/EChn6QLk8KQWS3g2pLw$ovy5grbvke/CjLgeYtYQSFfhv1laeb7a+H68S3TbgD8"
CONF

start_doorward() {
    "$doorward" serve --config "$work/doorward.toml" 2>>"$work/logs/doorward.log" &
    node=$!
    pids+=("$node")
    wait_for "https://localhost:$door/.doorward/health"
}
wait_for() {
    local try
    for try in {1..500}; do
        if curl -sko /dev/null --max-time 1 "$1"; then return; fi
        sleep 0.02
    done
    echo "nothing answers at $1" >&2
    cat "$work/logs/"* >&2
    exit 1
}
memory() { awk '/^VmRSS/ { printf "%.1f MiB", $2 / 1024 }' "/proc/$1/status"; }
tree() { # a process and its children
    echo "$1"
    cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n'
}
cpu() { # nanoseconds that all threads of a process and its children have run
    local pid
    for pid in $(tree "$1"); do cat "/proc/$pid/task/"*/schedstat 2>/dev/null || true; done | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

nginx -e "$work/logs/error.log" -p "$work" -c "$work/upstream.conf" & pids+=($!)
nginx -e "$work/logs/error.log" -p "$work" -c "$work/proxy.conf" & nginx=$! && pids+=($!)
wait_for "http://127.0.0.1:$upstream/page.html"
wait_for "https://localhost:$proxy/page.html"

start_doorward
sleep 1
echo "== versions"
"$doorward" --version
nginx -v 2>&1
wrk -v 2>&1 | head -1 || true
echo "$core cores, $(uname -sr), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
for at in "$proxy" "$door"; do
    openssl s_client -connect "127.0.0.1:$at" -servername localhost </dev/null 2>/dev/null | grep -m1 -E '^New, ' || true
done

echo "== memory and sizes"
echo "idle after the start          $(memory "$node")"
curl -sk -c "$work/jar" -o "$work/login.html" "https://localhost:$door/.doorward/login"
csrf=$(grep -o 'name="\?csrf"\? value="[^"]*"' "$work/login.html" | head -1 | sed 's/.*value="//; s/"$//')
form=(-d username=alice -d password=wonderland --data-urlencode "csrf=$csrf" -H 'Sec-Fetch-Site: same-origin' -b "$work/jar")
begin=$(date +%s)
curl -sk --parallel --parallel-max 32 -o /dev/null -w '%{http_code}\n' "${form[@]}" \
    "https://localhost:$door/.doorward/login?n=[1-$sessions]" 2>/dev/null | sort | uniq -c >"$work/codes"
echo "sign-ins (303 is in)          $(tr -s ' ' <"$work/codes" | tr '\n' ',') in $(($(date +%s) - begin)) s"
echo "with that many sessions       $(memory "$node")"
kill "$node" && wait "$node" || true
start_doorward
sleep 1
echo "started again with them       $(memory "$node"), $(grep -o 'sessions=[0-9]*' "$work/logs/doorward.log" | tail -1)"
echo "binary, release               $(stat -c %s "$doorward" | awk '{ printf "%.1f MiB", $1 / 1048576 }')"
if [[ -n "${DOORWARD_DIST:-}" ]]; then
    echo "binary, dist                  $(stat -c %s "$DOORWARD_DIST" | awk '{ printf "%.1f MiB", $1 / 1048576 }')"
fi
demo=$(port) begin=$(date +%s%N)
"$doorward" demo --listen "127.0.0.1:$demo" --state "$work/demo" >/dev/null 2>&1 & shown=$! && pids+=($!)
wait_for "https://localhost:$demo/.doorward/login"
echo "first page of a fresh demo    $((($(date +%s%N) - begin) / 1000000)) ms"
kill "$shown" && wait "$shown" || true

echo "== 1 kB through each, $connections connections, $rounds rounds of $seconds s"
curl -sk -b "$work/jar" -c "$work/jar" -o /dev/null "${form[@]}" "https://localhost:$door/.doorward/login"
key=$(awk '$6 == "__Host-doorward" { print $7 }' "$work/jar")
cookie="Cookie: __Host-doorward=$key"
for at in "$proxy" "$door"; do
    got=$(curl -sk -H "$cookie" "https://localhost:$at/page.html" | wc -c)
    [[ "$got" -eq 1024 ]] || { echo "port $at answered $got bytes instead of the page" >&2; exit 1; }
done
measure() { # name, port, process -> name requests/s, CPU microseconds a request, failures
    local before after out
    before=$(cpu "$3")
    out=$(wrk -t 1 -c "$connections" -d "${seconds}s" -H "$cookie" "https://localhost:$2/page.html")
    after=$(cpu "$3")
    awk -v name="$1" -v cpu=$((after - before)) '
        /requests in/ { count = $1 }
        /^Requests\/sec/ { rate = $2 }
        /Non-2xx/ { bad += $NF }
        /Socket errors/ { gsub(/[^0-9 ]/, ""); for (i = 1; i <= NF; i++) bad += $i }
        END { printf "%-9s %10.0f requests/s  %7.1f us CPU a request  %d failed\n", name, rate, cpu / 1000 / count, bad }' <<<"$out"
}
measure warm "$proxy" "$nginx" >/dev/null
measure warm "$door" "$node" >/dev/null
for ((round = 1; round <= rounds; round++)); do
    if ((round % 2)); then
        measure nginx "$proxy" "$nginx"
        measure doorward "$door" "$node"
    else
        measure doorward "$door" "$node"
        measure nginx "$proxy" "$nginx"
    fi
done | tee "$work/rounds"
echo "memory after that             doorward $(memory "$node")"

median() { sort -n | awk '{ list[NR] = $1 } END { print NR % 2 ? list[(NR + 1) / 2] : (list[NR / 2] + list[NR / 2 + 1]) / 2 }'; }
column() { awk -v name="$1" -v at="$2" '$1 == name { print $at }' "$work/rounds"; }
ratio() { paste <(column doorward "$1") <(column nginx "$1") | awk '{ print $1 / $2 }' | median; }
printf '== doorward to nginx, median of the rounds\nrequests/s    %.2f\nCPU a request %.2f\n' "$(ratio 2)" "$(ratio 4)"
