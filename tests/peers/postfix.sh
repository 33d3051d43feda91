#!/usr/bin/env bash
# A private Postfix on loopback, beside any that the machine may run:
#   postfix.sh start PORT DIR    PORT: submission, STARTTLS and AUTH required; PORT+1: the same with TLS from the first byte
#   postfix.sh stop DIR
# It knows the user gate@example.test, password Relay-Passw0rd. Mail to *@example.test lands in DIR/mail/all/new, a file
# each, except to nobody@example.test (550 5.1.1) and later@example.test (450). Every other domain is refused (554 5.7.1).
# Its CA is DIR/ca.pem; with OWN_CERTIFICATE=1 in the environment that is its certificate itself (openssl req -x509). Exit status 3: something is missing, named on standard error.
set -euo pipefail

USER_NAME=gate
REALM=example.test
PASSWORD=Relay-Passw0rd

main() {
    case "${1:-} $#" in
    "start 3") start "$2" "$3" ;;
    "stop 2") stop "$2" ;;
    *) sed -n '2,7p' "$0" >&2; exit 64 ;;
    esac
}

start() {
    local port=$1 dir
    require
    mkdir -p "$2"/{etc/sasl,queue,data,mail}
    dir=$(realpath "$2")
    # Postfix's own user must be able to walk down to its queue.
    chmod 755 "$dir"
    certificates "$dir"
    accounts "$dir"
    main_cf "$dir" >"$dir/etc/main.cf"
    master_cf "$port" >"$dir/etc/master.cf"
    recipients >"$dir/etc/recipients"
    chown postfix "$dir/data" "$dir/mail"
    : >"$dir/log"
    if ! postfix -c "$dir/etc" start >"$dir/start.log" 2>&1; then
        cat "$dir/start.log" "$dir/log" >&2
        exit 1
    fi
    tr -d ' ' <"$dir/queue/pid/master.pid" >"$dir/pid"
    listening "$port"
    listening $((port + 1))
}

stop() {
    local pid
    pid=$(cat "$1/pid")
    kill -TERM "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
}

require() {
    local need
    PATH=$PATH:/usr/sbin:/sbin
    if [ "$(id -u)" != 0 ]; then
        echo "root is needed to start postfix" >&2
        exit 3
    fi
    for need in postfix saslpasswd2 openssl realpath; do
        if ! command -v "$need" >/dev/null; then
            echo "$need is missing (Debian: apt-get install postfix sasl2-bin libsasl2-modules libsasl2-modules-db openssl)" >&2
            exit 3
        fi
    done
}

certificates() (
    cd "$1"
    exec 2>/dev/null
    if [ -n "${OWN_CERTIFICATE:-}" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=localhost" -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem
        cp server.pem ca.pem
        return
    fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=Mail test CA" -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    echo "subjectAltName=DNS:localhost,IP:127.0.0.1" >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile server.ext -out server.pem
)

accounts() {
    printf '%s\n' "pwcheck_method: auxprop" "auxprop_plugin: sasldb" "sasldb_path: $1/etc/sasldb2" "mech_list: PLAIN LOGIN" >"$1/etc/sasl/smtpd.conf"
    printf '%s' "$PASSWORD" | saslpasswd2 -p -c -f "$1/etc/sasldb2" -u "$REALM" "$USER_NAME"
    chgrp postfix "$1/etc/sasldb2"
    chmod 640 "$1/etc/sasldb2"
}

recipients() {
    printf '%s\n' '/^nobody@/ 550 5.1.1 no such mailbox' '/^later@/ 450 4.2.1 mailbox is busy'
}

main_cf() {
    cat <<C
compatibility_level = 3.6
queue_directory = $1/queue
data_directory = $1/data
command_directory = $(postconf -d -h command_directory)
daemon_directory = $(postconf -d -h daemon_directory)
mail_owner = postfix
setgid_group = postdrop
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks_style = host
relay_domains =
default_transport = error:nothing leaves this machine
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = $REALM
virtual_mailbox_base = $1/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:$(id -u postfix)
virtual_gid_maps = static:$(id -g postfix)
smtpd_tls_cert_file = $1/server.pem
smtpd_tls_key_file = $1/server.key
smtpd_tls_auth_only = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = $1/etc/sasl
smtpd_sasl_local_domain = $REALM
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:$1/etc/recipients, permit_sasl_authenticated, reject
smtpd_discard_ehlo_keywords = chunking
maillog_file = $1/log
maillog_file_prefixes = /var, /dev/stdout, /tmp, $1
C
}

master_cf() {
    cat <<C
127.0.0.1:$1 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes
127.0.0.1:$(($1 + 1)) inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
C
}

listening() {
    for _ in $(seq 200); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
            return 0
        fi
        sleep 0.05
    done
    echo "postfix does not listen on port $1" >&2
    exit 1
}

main "$@"
